"""What tests change: a data folder of their own, quick hashes, the fake provider."""

import os
import tempfile

# Each process that runs tests has a folder of its own, also those that pytest-xdist
# starts with the environment of the first; what a test starts shares its folder.
RUNNER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
if os.environ.get("MAGICSHOT_TESTS_RUNNER") != RUNNER:
    if "MAGICSHOT_HOME" not in os.environ or "MAGICSHOT_TESTS_RUNNER" in os.environ:
        os.environ["MAGICSHOT_HOME"] = tempfile.mkdtemp(prefix="magicshot-tests-")
    os.environ["MAGICSHOT_TESTS_RUNNER"] = RUNNER
os.environ.setdefault("FAKE_PROVIDER", "1")

from magicshot.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405 - whitenoise warns without it

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, so that threads and other processes share it as they do in real life.
    DATABASES["default"]["TEST"] = {"NAME": str(MAGICSHOT_HOME / "test.sqlite3")}  # noqa: F405
