"""How images are built: the words for the program that builds, and how pip reaches its index from inside without
leaving a trace of it."""

import configparser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_base import mirror_of
from image_secrets import CERTIFICATES, NAMES, build_secrets, pip_conf, pip_settings
from images import BASE_IMAGE, BUILDAH, DOCKER, DOCKERFILES, Build, Engine, Refusal, base_image, builds

WORD = st.from_regex(r"[a-z0-9.:/@%-]{1,20}", fullmatch=True).filter(lambda word: not word.startswith("file:"))
WORDS = st.lists(WORD, min_size=1, max_size=3)
PARTS = ("agent", "collector")


def test_both_programs_are_told_the_same() -> None:
    build = Build(Path("a.Dockerfile"), Path("context"), "name:1", {"VERSION": "1"}, {"pip": Path("pip.conf")})
    wanted = "--file a.Dockerfile --tag name:1 --build-arg VERSION=1 --secret id=pip,src=pip.conf context"
    assert " ".join(build.command(DOCKER)) == f"docker build {wanted}"
    assert " ".join(build.command(BUILDAH)).endswith(f" {wanted}")


def test_images_are_named_by_part_and_version_after_the_prefix() -> None:
    names = [build.name for build in builds({"IMAGE_PREFIX": "registry.example/team/"}, "base", "abc", {})]
    assert [name.partition(":")[0] for name in names] == [f"registry.example/team/gpufleet-{part}" for part in PARTS]
    assert all(name.partition(":")[2] for name in names)


def test_arguments_are_declared_in_the_dockerfiles() -> None:
    for build in builds({}, "base", "abc", {}):
        text = build.dockerfile.read_text()
        assert [name for name in build.arguments if f"ARG {name}=" not in text] == []


def test_dockerfiles_alone_build_on_the_same_base() -> None:
    for part in PARTS:
        assert f"ARG BASE_IMAGE={BASE_IMAGE}\n" in (DOCKERFILES / f"{part}.Dockerfile").read_text()


def test_a_base_that_is_wished_and_not_to_be_had_is_named_with_another_way() -> None:
    with pytest.raises(Refusal, match=r"BASE_IMAGE='nowhere.example/python' cannot be pulled: .*BASE_IMAGE=local"):
        base_image(Engine("false", ()), {"BASE_IMAGE": "nowhere.example/python"})
    assert base_image(Engine("true", ()), {"BASE_IMAGE": "nowhere.example/python"}) == "nowhere.example/python"
    assert base_image(Engine("true", ()), {}) == BASE_IMAGE


def test_the_mirror_is_that_of_the_release() -> None:
    listed = (
        "bookworm-updates main http://a.example/\nbookworm contrib http://b.example/\nbookworm main http://c.example/\n"
    )
    assert mirror_of(listed) == ["http://c.example/"]
    assert mirror_of("trixie main http://a.example/\n\n") == []


def test_settings_of_pip_are_those_that_say_how_packages_are_reached() -> None:
    listed = "\n".join(
        (
            ":env:.trusted-host='b.example'",
            "global.trusted-host='a.example'",
            "global.constraint='/etc/constraints.txt'",
            "global.extra-index-url='\\nfile:///srv/simple\\nhttps://c.example/simple'",
            "global.index-url='file:///srv/simple'",
            "list.format='columns'",
        )
    )
    assert pip_settings(listed) == {"trusted-host": "b.example", "extra-index-url": "https://c.example/simple"}


@given(st.dictionaries(st.sampled_from(NAMES), WORDS, min_size=1))
def test_what_pip_tells_is_what_it_reads_inside(settings: dict[str, list[str]]) -> None:
    listed = "\n".join("global.{}={!r}".format(name, "\n".join(words)) for name, words in settings.items())
    read = configparser.RawConfigParser()
    read.read_string(pip_conf(pip_settings(listed)))
    assert {name: value.split() for name, value in read["global"].items()} == settings


def test_certificates_are_a_secret_of_their_own(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    secrets = build_secrets(tmp_path, {"PIP_CERT": str(bundle), "PIP_CONFIG_FILE": "/dev/null"})
    assert secrets["certificates"].read_text() == "certificates"
    assert f"cert = {CERTIFICATES}" in secrets["pip"].read_text()
    assert str(bundle) not in secrets["pip"].read_text()


def test_without_settings_there_is_no_secret(tmp_path: Path) -> None:
    assert build_secrets(tmp_path, {"PIP_CONFIG_FILE": "/dev/null"}) == {}
