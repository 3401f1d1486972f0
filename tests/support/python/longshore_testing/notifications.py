"""Notifications as Distribution sends them (distribution docs/content/about/notifications.md)."""

import datetime
import hashlib
import itertools
import json
import uuid

MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json"
_instance = str(uuid.uuid4())
_number = itertools.count()


def event(repository="team/app", tag="v1", action="push", digest=None, event_id=None, moment=None):
    """About a kilobyte of a realistic push of a manifest by tag."""
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    digest = digest or "sha256:" + hashlib.sha256(str(next(_number)).encode()).hexdigest()
    host = "registry.example.org:5000"
    return {
        "id": event_id or str(uuid.uuid4()),
        "timestamp": moment.isoformat(timespec="microseconds").replace("+00:00", "000Z"),
        "action": action,
        "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1195, "digest": digest,
                   "length": 1195, "repository": repository,
                   "url": f"http://{host}/v2/{repository}/manifests/{digest}", "tag": tag},
        "request": {"id": str(uuid.uuid4()), "addr": "127.0.0.1:57838", "host": host, "method": "PUT",
                    "useragent": "skopeo/1.9.3"},
        "actor": {}, "source": {"addr": "vm:5001", "instanceID": _instance},
    }


def envelope(events):
    return json.dumps({"events": events}, indent=3).encode()
