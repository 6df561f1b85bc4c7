"""The dashboard's files, and nothing else of this machine."""

from pathlib import Path

import pytest

from fakes.web import Site
from gpufleet_collector.web.settings import WebSettings


@pytest.fixture
def static(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>the page")
    (root / "favicon.svg").write_text("<svg/>")
    (root / "assets" / "index-abc123.js").write_text("export {}")
    (root / "assets" / "index-abc123.css").write_text("body {}")
    (root / "assets" / "strange.xyz").write_text("?")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture
def site(static: Path, tmp_path: Path) -> Site:
    docs = tmp_path / "docs_static"
    (docs / "assets").mkdir(parents=True)
    (docs / "index.html").write_text("<!doctype html>the API")
    (docs / "assets" / "index-abc123.js").write_text("export {}")
    return Site(WebSettings(static_directory=static, docs_directory=docs))


@pytest.mark.parametrize(
    ("path", "content_type", "cached"),
    [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/assets/index-abc123.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/index-abc123.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/strange.xyz", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/hosts/h1", "text/html; charset=utf-8", "no-cache"),
        ("/assets/gone.js", "text/html; charset=utf-8", "no-cache"),
        ("/apiary", "text/html; charset=utf-8", "no-cache"),
    ],
)
async def test_files_have_their_type_and_every_other_path_is_the_page(
    site: Site, path: str, content_type: str, cached: str
) -> None:
    response = await site.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.headers["cache-control"] == cached


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/link.txt",
        "/%00",
        "/" + "a" * 5000,
        "/" + "a/" * 2000,
    ],
)
async def test_no_path_leads_out_of_the_directory(site: Site, path: str) -> None:
    response = await site.get(path)
    assert (response.status_code, response.text) == (200, "<!doctype html>the page")


@pytest.mark.parametrize("path", ["/", "/assets/index-abc123.js", "/healthz", "/api/v1/nothing", "/api/v1/hosts?x=1"])
async def test_every_response_has_the_strict_headers(site: Site, path: str) -> None:
    headers = (await site.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_head_is_answered_and_a_wrong_method_is_not(site: Site) -> None:
    assert (await site.request("HEAD", "/")).status_code == 200
    assert (await site.request("POST", "/")).status_code == 405


async def test_a_dashboard_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    site = Site(WebSettings(static_directory=tmp_path / "nothing"))
    response = await site.get("/")
    assert response.status_code == 503
    assert response.headers["content-type"].startswith("text/plain")
    assert "make dashboard" in response.text


@pytest.mark.parametrize(
    ("path", "content_type", "cached"),
    [
        ("/api/docs", "text/html; charset=utf-8", "no-cache"),
        ("/api/docs/", "text/html; charset=utf-8", "no-cache"),
        ("/api/docs/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/api/docs/assets/index-abc123.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
    ],
)
async def test_the_page_of_the_api_has_its_own_files(site: Site, path: str, content_type: str, cached: str) -> None:
    response = await site.get(path)
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.headers["cache-control"] == cached
    assert response.headers["content-security-policy"] == (await site.get("/")).headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/api/docs/nothing", "/api/docs/assets", "/api/docs/%2e%2e/secret.txt", "/api/docs/..%2f..%2fsecret.txt"]
)
async def test_below_the_page_of_the_api_nothing_else_is_there(site: Site, path: str) -> None:
    response = await site.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_a_page_of_the_api_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    response = await Site(WebSettings(docs_directory=tmp_path / "nothing")).get("/api/docs")
    assert response.status_code == 503
    assert "make dashboard" in response.text
