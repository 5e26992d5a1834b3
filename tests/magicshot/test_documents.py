"""What the documents promise is what the code says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ("base", "local", "dev")


def read_variables() -> set[str]:
    source = "".join(
        (ROOT / "magicshot" / name).read_text() for name in ("settings.py", "env.py")
    )
    return set(re.findall(r"\benv\.\w+\(\s*\"([A-Z0-9_]+)\"", source))


def test_every_setting_has_a_row_in_the_readme_and_no_row_is_left_over():
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", readme, re.MULTILINE)
    assert set(rows) == read_variables()
    assert rows == sorted(rows)


def test_every_link_between_documents_leads_somewhere():
    broken = []
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
            if "://" not in target and not (document.parent / target).exists():
                broken.append(f"{document.name}: {target}")
    assert broken == []


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lines, re.MULTILINE))


def test_lock_files_agree_on_what_several_pin():
    for one in LOCKS:
        for other in LOCKS:
            shared = pins(one).keys() & pins(other).keys()
            assert {name: pins(one)[name] for name in shared} == {
                name: pins(other)[name] for name in shared
            }


def test_every_pin_has_a_hash_and_torch_is_in_none():
    for name in LOCKS:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        blocks = re.split(r"\n(?=[a-z0-9])", text)
        assert all("--hash=sha256:" in block for block in blocks)
        banned = ("torch", "torchvision", "triton", "nvidia")
        assert not [pin for pin in pins(name) if pin.startswith(banned)]


def test_serving_the_site_never_loads_torch():
    script = """
import sys, os
os.environ["DJANGO_SETTINGS_MODULE"] = "magicshot.settings"
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from accounts.models import User
person = User.objects.create_user("ann@example.org", "a password")
client = Client(HTTP_HOST="localhost")
client.force_login(person)
from django.test.utils import override_settings
plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
from django.conf import settings
with override_settings(STORAGES=settings.STORAGES | {"staticfiles": plain}):
    assert client.get("/").status_code == 200
import magicshot.asgi, magicshot.celery, generators.tasks
heavy = {"torch", "onnxruntime", "diffusers", "transformers", "torchvision"} & set(sys.modules)
assert not heavy, heavy
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
