"""`manage.py generate` as people type it: real queue, real worker, real files."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.site import Site, manage

pytestmark = [pytest.mark.whole_site, pytest.mark.timeout(240)]
FAKE = {"FAKE_PROVIDER": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generate") / "home"


def generate(home: Path, *arguments: str):
    return manage("generate", *arguments, home=home, **FAKE)


def test_on_an_empty_folder_it_draws_all_that_was_asked(home, tmp_path):
    out = tmp_path / "apple.png"
    ran = generate(
        home, "a red apple", "--model", "fake-local", "--out", str(out), "--count", "2"
    )
    assert ran.returncode == 0, ran.stderr
    paths = [tmp_path / "apple-1.png", tmp_path / "apple-2.png"]
    assert ran.stdout.split() == [str(path) for path in paths]
    for path in paths:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
    assert "succeeded" in ran.stderr
    listed = manage("models", "--json", home=home, **FAKE)
    assert "fake-local" in {entry["slug"] for entry in json.loads(listed.stdout)}


def test_beside_a_running_site_its_workers_draw(home, tmp_path):
    site = Site(home, **FAKE).ready()
    try:
        out = tmp_path / "boat.webp"
        ran = generate(home, "a boat", "--model", "fake-local", "--out", str(out))
        assert ran.returncode == 0, ran.stderr
        with Image.open(out) as picture:
            assert picture.format == "WEBP"
        refused = generate(
            home, "a boat !refuse", "--model", "fake-local", "--out", str(out)
        )
        assert refused.returncode == 1
        assert "Nothing was charged." in refused.stderr
    finally:
        site.stop()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["", "--out", "a.png"], "argument prompt:"),
        (["x", "--out", "a.png", "--seed", "banana"], "argument --seed:"),
        (["x", "--out", "a.png", "--count", "1000"], "argument --count:"),
        (["x", "--out", "a.png", "--size", "0x0"], "argument --size:"),
        (["x", "--out", "a.png", "--model", "nobody"], "argument --model:"),
        (["x", "--out", "a.gif"], "argument --out:"),
        (["x", "--out", "no such folder/a.png"], "argument --out:"),
    ],
)
def test_a_wrong_argument_is_named(home, arguments, named):
    if "--model" not in arguments:
        arguments = [*arguments, "--model", "fake-local"]
    ran = generate(home, *arguments)
    assert ran.returncode == 2
    assert named in ran.stderr
    assert "Traceback" not in ran.stderr


def test_when_the_model_is_unknown_then_the_slugs_to_choose_are_named(home):
    ran = generate(home, "x", "--out", "a.png", "--model", "nobody")
    assert "“nobody” is not a model of this site." in ran.stderr
    assert "fake-local" in ran.stderr.partition("Slugs: ")[2]
