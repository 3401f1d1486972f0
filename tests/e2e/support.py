"""Puts the shared harness on the path, and gives every suite a scratch directory that outlives its processes."""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))


class Scratch(unittest.TestCase):
    """directory: gone after the class; kept when LONGSHORE_KEEP is set."""

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"longshore-{cls.__name__.lower()}-"))
        if not os.environ.get("LONGSHORE_KEEP"):
            cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
