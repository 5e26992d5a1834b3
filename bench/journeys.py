"""What a person does on the site, timed through HTTP and read from its database."""

import re
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass

import psutil
import requests

from tests.e2e.site import Site

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def seconds_to_answer(url: str) -> float:
    """Return the seconds until an address answers 200; at most two minutes."""
    began = time.perf_counter()
    while time.perf_counter() - began < 120:
        with suppress(requests.ConnectionError):
            if requests.get(url, timeout=30).status_code == 200:
                return time.perf_counter() - began
        time.sleep(0.02)
    raise TimeoutError(f"{url} does not answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of the button: seconds to the placeholder, and the page's job."""

    placeholder_seconds: float
    job_id: uuid.UUID


class Person:
    """Somebody signed in, by plain HTTP."""

    def __init__(self, site: Site, email: str = "ann@example.org") -> None:
        self.site = site
        self.session = requests.Session()
        page = self._token("/accounts/signup/")
        self._post(
            "/accounts/signup/",
            csrfmiddlewaretoken=page,
            email=email,
            password1="correct horse battery",
        )
        self.token = self._token("/")

    def press(self, prompt: str, *, model: str, **fields: object) -> Press:
        """Press Generate and return when the placeholder tiles have come."""
        began = time.perf_counter()
        answer = self._post(
            "/generations/",
            csrfmiddlewaretoken=self.token,
            client_token=uuid.uuid4(),
            prompt=prompt,
            image_model=model,
            **fields,
        )
        took = time.perf_counter() - began
        found = re.search(r'data-job="([0-9a-f-]{36})"', answer.text)
        assert found, answer.text[:2000]
        return Press(placeholder_seconds=took, job_id=uuid.UUID(found[1]))

    def cancel(self, job_id: uuid.UUID) -> None:
        """Press the cross on a tile."""
        self._post(f"/jobs/{job_id}/cancel/", csrfmiddlewaretoken=self.token)

    def _token(self, path: str) -> str:
        page = self.session.get(self.site.url + path, timeout=60)
        found = TOKEN.search(page.text)
        assert found, page.text[:2000]
        return found[1]

    def _post(self, path: str, **fields: object) -> requests.Response:
        answer = self.session.post(
            self.site.url + path,
            data={name: str(value) for name, value in fields.items()},
            headers={"HX-Request": "true"} if path != "/accounts/signup/" else {},
            timeout=60,
        )
        answer.raise_for_status()
        return answer


def memory(site: Site) -> dict[str, float]:
    """Return the MiB that each process holds for itself (PSS), by name."""
    found: dict[str, float] = {"supervisor": _pss(psutil.Process(site.process.pid))}
    for name in ("web", "local", "remote", "beat"):
        found[name] = _pss(site.child(name))
    for engine in site.family():
        if "generators.pipelines.engine" in engine.cmdline():
            found["engine, Spark loaded"] = _pss(engine)
    return found


def _pss(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20
