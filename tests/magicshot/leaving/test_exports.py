"""A zip of everything: whole, one's own alone, and honest about what it lacks."""

import csv
import io
import json
import re
import shutil
import uuid
import zipfile
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.files.storage import default_storage
from django.db import connection

from accounts import ledger
from accounts.models import Export, Group, Quota
from gallery.files import open_file
from gallery.models import Image
from generators.models import GenerationJob
from magicshot.leaving import archive, building, exports
from tests.gallery.making import make_image
from tests.magicshot.leaving.belongings import SECRET, drawn, furnish

pytestmark = pytest.mark.django_db(transaction=True)
State = Export.State


def export_of(user) -> Export:
    """Ask for somebody's export and let a worker build it."""
    exports.ask(user)
    building.build_waiting()
    export = exports.of(user)
    assert export is not None
    return export


def unzipped(export: Export) -> dict[str, bytes]:
    """Return the files of a ready export by their names."""
    assert export.state == State.READY, export.failure
    with default_storage.open(export.path) as file, zipfile.ZipFile(file) as packed:
        assert packed.testzip() is None
        names = packed.namelist()
        assert len(names) == len(set(names))
        return {name: packed.read(name) for name in names}


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_everything_is_in_it_and_nothing_of_anybody_else(alice, bob):
    furnish(alice, "gazebo")
    furnish(bob, "walrus")
    files = unzipped(export_of(alice))
    recipes = {each["file"]: each for each in json.loads(files["pictures.json"])}
    images = {str(each.public_id): each for each in Image.objects.filter(owner=alice)}
    assert len(recipes) == len(images) == 7
    for name, recipe in recipes.items():
        image = images.pop(recipe["id"])
        assert files[name] == open_file(image.file.path)
        folder = "trash" if image.trashed_at else "pictures"
        day = image.created_at.date()
        short = image.public_id.hex[:8]
        assert re.fullmatch(rf"{folder}/{day}-{short}\.(png|jpg|webp)", name)
        assert (recipe["prompt"], recipe["seed"]) == (image.prompt, image.seed)
        assert recipe["kind"] == image.kind
    assert images == {}
    everything = b"".join(files.values())
    assert b"gazebo" in everything
    assert b"walrus" not in everything
    assert b"bob@example.org" not in everything


def test_recipes_tell_all_that_the_page_of_a_picture_shows(alice):
    furnish(alice, "gazebo")
    files = unzipped(export_of(alice))
    recipes = {each["prompt"]: each for each in json.loads(files["pictures.json"])}
    alone, again = recipes["gazebo alone"], recipes["gazebo again"]
    assert alone["negative_prompt"] == "no gazebo"
    assert {"name": "gazebo tag", "from": "typed"} in alone["tags"]
    assert again["made_from"] == [{"id": alone["id"], "as": "init"}]
    job = GenerationJob.objects.get(owner=alice, num_delivered=2)
    hill = recipes["a gazebo on a hill"]
    assert hill["job"] == str(job.public_id)
    assert hill["generation"] == str(job.generation.public_id)
    assert hill["image_model"] == job.image_model_label
    assert hill["credits"] == job.price_credits
    assert hill["parameters"]["width"] == job.width
    assert hill["bytes"] == len(files[hill["file"]])
    assert recipes["old gazebo"]["in_trash_since"]


def test_presses_are_in_it_with_what_failed_and_what_was_refused(alice):
    furnish(alice, "gazebo")
    files = unzipped(export_of(alice))
    presses = {each["prompt"]: each for each in json.loads(files["generations.json"])}
    (broken,) = presses["a broken gazebo"]["jobs"]
    assert (broken["status"], broken["failure_kind"]) == ("failed", "refused")
    assert broken["failure"] == "The service said: no gazebo here."
    assert broken["credits_given_back"] == broken["credits_set_aside"] > 0
    (hill,) = presses["a gazebo on a hill"]["jobs"]
    assert hill["pictures_delivered"] == 2
    assert hill["credits_taken"] == 2 * hill["credits_a_picture"]
    (refused,) = json.loads(files["refused_prompts.json"])
    assert refused["words"] == "gazebo forbiddenword"


def test_the_account_is_in_it_without_what_signs_in(alice):
    furnish(alice, "gazebo")
    Quota.objects.create(user=alice, images_per_day=3)
    export = export_of(alice)
    files = unzipped(export)
    account = json.loads(files["account.json"])
    assert account["email"] == "alice@example.org"
    assert {each["email"] for each in account["email_addresses"]} == {
        "alice@example.org",
        "gazebo.other@example.org",
    }
    assert account["second_factors"][0]["name"] == "key of gazebo"
    assert account["quotas"] == [
        {"name": "images_per_day", "limit": 3, "for": "this person"}
    ]
    everything = b"".join(files.values())
    for secret in (SECRET, alice.password, site.SECRET_KEY):
        assert secret.encode() not in everything


def test_the_statement_is_in_it_and_runs_no_formula(alice):
    drawn(alice, "=1+1")
    balance = ledger.wallet_of(alice).balance
    rows = rows_of(unzipped(export_of(alice))["statement.csv"])
    assert int(rows[-1]["balance"]) == balance
    assert {row["prompt"] for row in rows} == {"", "'=1+1"}


def test_what_a_group_paid_is_in_it_but_not_what_others_took(alice, bob):
    group = Group.objects.create(name="Design", shares_credits=True)
    ledger.grant(ledger.wallet_of_group(group), 100, reference="test")
    for user in (alice, bob):
        user.group = group
        user.save()
    mine, _ = drawn(alice, "a lamp"), drawn(bob, "a walrus")
    rows = rows_of(unzipped(export_of(alice))["statement_of_group.csv"])
    assert {row["job"] for row in rows} == {str(mine.public_id)}


def test_somebody_with_nothing_gets_an_empty_one(alice):
    files = unzipped(export_of(alice))
    assert json.loads(files["pictures.json"]) == []
    assert json.loads(files["generations.json"]) == []
    assert "Pictures: 0." in files["README.txt"].decode()


def test_pictures_that_are_missing_or_damaged_stop_nothing_and_are_named(alice):
    missing, damaged, odd, whole = (make_image(alice, shade) for shade in range(4))
    root = Path(site.MEDIA_ROOT)
    (root / missing.file.path).unlink()
    (root / damaged.file.path).write_bytes(b"torn")
    (root / odd.file.path).unlink()
    (root / odd.file.path).mkdir()
    export = export_of(alice)
    assert export.num_troubled == 3
    files = unzipped(export)
    told = files["README.txt"].decode()
    for image, words in (
        (missing, "its file is missing on the site"),
        (damaged, "its file is damaged; it is here as it was found"),
        (odd, "its file could not be read on the site"),
    ):
        assert re.search(rf"{image.public_id.hex[:8]}\.png: {words}", told)
    assert whole.public_id.hex[:8] not in told
    recipes = {each["id"]: each for each in json.loads(files["pictures.json"])}
    assert recipes[str(missing.public_id)]["file"] is None
    assert files[recipes[str(damaged.public_id)]["file"]] == b"torn"


def test_a_storage_that_reads_nothing_fails_it_and_another_try_may_do(alice):
    for shade in range(archive.MOST_UNREADABLE):
        make_image(alice, shade)
    pictures, away = (Path(site.MEDIA_ROOT) / name for name in ("pictures", "away"))
    pictures.rename(away)
    for file in away.rglob("*.png"):  # where each was, something that is no file
        (pictures / file.relative_to(away)).mkdir(parents=True)
    export = export_of(alice)
    assert (export.state, export.path) == (State.FAILED, "")
    assert "did not answer" in export.failure
    shutil.rmtree(pictures)
    away.rename(pictures)
    recipes = json.loads(unzipped(export_of(alice))["pictures.json"])
    assert len(recipes) == archive.MOST_UNREADABLE


def test_names_are_unlike_even_where_keys_begin_alike(alice):
    first, second = make_image(alice, 1), make_image(alice, 2)
    for image, end in ((first, "1"), (second, "2")):
        key = uuid.UUID(f"aaaaaaaa-0000-4000-8000-00000000000{end}")
        Image.objects.filter(pk=image.pk).update(public_id=key)
    names = [name for name in unzipped(export_of(alice)) if name.startswith("pic")]
    assert len(names) == 3
    assert all(re.fullmatch(r"pictures[/.][-.\w]+", name) for name in names)


@pytest.mark.parametrize(
    "prompt", ["../../etc/passwd", "a\r\nb", "x" * 5000, "🍎 / \\"]
)
def test_no_prompt_makes_a_name(alice, prompt):
    make_image(alice, prompt=prompt)
    files = unzipped(export_of(alice))
    for name in files:
        assert re.fullmatch(
            r"((pictures|trash)/[-0-9a-f]+\.png|\w+\.(json|csv|txt))", name
        )
    (recipe,) = json.loads(files["pictures.json"])
    assert recipe["prompt"] == prompt


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps no halves")
def test_half_a_character_breaks_no_export(alice):
    image = make_image(alice)
    Image.objects.filter(pk=image.pk).update(parameters={"style": "half \ud83d"})
    (recipe,) = json.loads(unzipped(export_of(alice))["pictures.json"])
    assert recipe["parameters"]["style"] == "half ?"
