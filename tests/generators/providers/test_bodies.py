"""Bodies: pictures taken out of JSON, decoded once, and nothing else touched."""

import base64
import json
import os

import pytest

from gallery.decoding import RESULTS
from generators import errors
from generators.providers import bodies
from generators.providers.http import MAX_PICTURE_BYTES
from generators.spool import Spool


def read(value, *keys, text=None):
    body = (text or json.dumps(value)).encode()
    return bodies.read_document(Spool(body), keys=keys)


def test_when_pictures_are_inside_then_they_come_out_in_order():
    pictures = [os.urandom(5000), os.urandom(300)]
    encoded = [base64.b64encode(each).decode() for each in pictures]
    document = read(
        {"data": [{"b64_json": each, "n": 1} for each in encoded], "note": "b64_json"},
        "b64_json",
    )
    places = [each["b64_json"] for each in document.value["data"]]
    assert [document.picture(place).read() for place in places] == pictures
    assert document.value["note"] == "b64_json"
    assert document.picture("b64_json") is None
    assert document.picture(None) is None


@pytest.mark.parametrize("before", ["", "data:image/png;base64,"])
def test_when_a_picture_is_tiny_then_it_is_a_picture_all_the_same(before):
    picture = b"\x89PNG" + bytes(60)
    text = before + base64.b64encode(picture).decode()
    document = read({"data": text}, "data")
    assert document.picture(document.value["data"]).read() == picture
    for other in ("", "not base64!", "abc", "aGk=", 7, {}):
        assert document.picture(other) is None


def test_when_slashes_are_escaped_then_it_is_the_same_picture():
    picture = b"\xff\xff\xff" * 400
    text = json.dumps({"image": base64.b64encode(picture).decode()})
    document = read(None, "image", text=text.replace("/", "\\/"))
    assert document.picture(document.value["image"]).read() == picture


@pytest.mark.parametrize(("sign", "escaped"), [("=", "\\u003d"), ("+", "\\u002B")])
def test_when_other_signs_are_escaped_then_it_is_the_same_picture(sign, escaped):
    picture = b"\xfb\xef\xbe" * 400 + b"\xfb"
    text = json.dumps({"image": base64.b64encode(picture).decode()})
    assert sign in text
    document = read(None, "image", text=text.replace(sign, escaped))
    assert document.picture(document.value["image"]).read() == picture


def test_when_it_is_a_data_address_then_its_head_is_left_out():
    picture = os.urandom(900)
    text = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    document = read({"image": text}, "image")
    assert document.picture(document.value["image"]).read() == picture


def test_when_text_is_short_or_of_another_name_then_it_stays():
    long = "A" * 1000
    document = read({"image": "QUJD", "prompt": long}, "image")
    assert document.value == {"image": "QUJD", "prompt": long}


@pytest.mark.parametrize("text", ["", "<html>", "[1", '{"image": "' + "A" * 401 + '"}'])
def test_when_it_is_damaged_then_it_says_so(text):
    with pytest.raises(errors.UnexpectedResponse):
        read(None, "image", text=text or " ")


def test_when_a_body_is_too_large_then_it_is_given_up():
    with pytest.raises(errors.UnexpectedResponse):
        bodies.gather([b"x" * 10] * 5, max_bytes=49)
    assert bodies.gather([b"x" * 10] * 5, max_bytes=50).read() == b"x" * 50


def test_when_a_picture_is_as_large_as_the_gallery_keeps_then_it_arrives():
    assert RESULTS.max_bytes == MAX_PICTURE_BYTES
    assert 4 * RESULTS.max_bytes // 3 < bodies.MAX_BODY_BYTES
