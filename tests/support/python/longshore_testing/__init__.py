"""What Longshore's tests over real processes share: registries, token servers, sites, images, and waiting.

Only Python's standard library, and Debian's docker-registry, skopeo and openssl as programs.
"""
