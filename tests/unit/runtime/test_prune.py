"""What `prune` finds of environments that are gone, and what it leaves alone."""

from __future__ import annotations

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineError
from emulator.runtime.machine.prune import leftovers, remove_leftovers
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

GONE, THERE = Names("gone", "test"), Names("shop", "test")


def engine() -> FakeEngine:
    """An environment that has a stopped container only, one that is gone, and what others have."""
    made = FakeEngine()
    for environment in (GONE, THERE, Names("shop", "old")):
        made.ensure_network(environment.network, environment.labels(Role.NETWORK))
        made.ensure_volume(environment.state_volume, environment.labels(Role.VOLUME))
        made.ensure_volume(environment.log_volume, {**environment.labels(Role.VOLUME), names.DATA: "logs"})
    made.ensure_network("mine", {})
    made.ensure_volume("mine", {"role": "data"})
    made.add_image("hello:1")
    made.create_container(ContainerSpec(name="stopped", image="hello:1", labels=THERE.labels(Role.MEMBER)))
    return made


def found(made: FakeEngine, *, volumes: bool = False) -> list[str]:
    return [one.name for one in leftovers(made, volumes=volumes)]


def test_networks_and_volumes_of_environments_without_a_container_are_found() -> None:
    assert sorted(found(engine())) == [
        "cl-gone-test",
        "cl-gone-test-state",
        "cl-shop-old",
        "cl-shop-old-state",
    ]


def test_data_only_where_it_is_asked_for() -> None:
    data = {one.name for one in leftovers(engine(), volumes=True) if one.data}
    assert data == {"cl-gone-test-logs", "cl-shop-old-logs"}


def test_built_images_of_environments_that_are_gone_are_found() -> None:
    made = engine()
    for image in (
        "copilot-local-build/gone/web/nginx:test",
        "copilot-local-build/gone/web/nginx:test-before-0123456789ab",
        "copilot-local-build/shop/web/nginx:test",
        "copilot-local-build/shop/web/nginx:test-before-0123456789ab",
        "copilot-local-build/shop/web/nginx:old",
        "copilot-local-build/shop/web/nginx:testing",
        "copilot-local-build-of-mine/gone/web/nginx:test",
        "mine/gone/web/nginx:test",
    ):
        made.add_image(image)
    images = [name for name in found(made) if ":" in name]
    assert images == [
        "copilot-local-build/gone/web/nginx:test",
        "copilot-local-build/gone/web/nginx:test-before-0123456789ab",
        "copilot-local-build/shop/web/nginx:old",
        "copilot-local-build/shop/web/nginx:testing",
    ]


def test_a_name_is_compared_as_an_image_spells_it() -> None:
    made = FakeEngine()
    made.add_image("hello:1")
    environment = Names("my_Shop", "test")
    made.create_container(ContainerSpec(name="one", image="hello:1", labels=environment.labels(Role.MEMBER)))
    made.add_image("copilot-local-build/my-shop/web/nginx:test")
    assert found(made) == []


def test_of_our_own_images_the_newest_and_those_in_use_stay() -> None:
    made = FakeEngine()
    for image in ("agent:1", "agent:2", "agent:3", "aws:1", "python:1"):
        made.add_image(f"copilot-local/{image}")
    made.create_container(ContainerSpec(name="agent", image="copilot-local/agent:1", labels=THERE.labels(Role.AGENT)))
    assert found(made) == ["copilot-local/agent:2"]


def test_all_that_is_found_is_removed_and_nothing_else() -> None:
    made = engine()
    made.add_image("copilot-local-build/gone/web/nginx:test")
    assert [reason for _, reason in remove_leftovers(made, leftovers(made, volumes=True))] == [""] * 7
    assert found(made, volumes=True) == []
    assert set(made.list_networks({})) == {"cl-shop-test", "mine"}
    assert set(made.list_volumes({})) == {"cl-shop-test-logs", "cl-shop-test-state", "mine"}
    assert made.image("hello:1") is not None
    assert made.image("copilot-local-build/gone/web/nginx:test") is None


def test_what_docker_does_not_give_up_is_told_and_the_rest_is_removed() -> None:
    made = engine()
    made.fail("remove_network", EngineError("it has active endpoints"), target=GONE.network)
    told = {one.name: reason for one, reason in remove_leftovers(made, leftovers(made))}
    assert told.pop("cl-gone-test") == "it has active endpoints"
    assert set(told.values()) == {""}


def test_what_is_of_one_application_or_environment_alone() -> None:
    made = engine()
    for image in (
        "gone/web/nginx:test",
        "gone/web/nginx:old",
        "gone/web/nginx:old-before-0123456789ab",
        "gone-too/a/b:test",
    ):
        made.add_image(f"copilot-local-build/{image}")
    made.add_image("copilot-local/agent:1")
    made.add_image("copilot-local/agent:2")
    assert sorted(one.name for one in leftovers(made, app="gone", volumes=True)) == [
        "cl-gone-test",
        "cl-gone-test-logs",
        "cl-gone-test-state",
        "copilot-local-build/gone/web/nginx:old",
        "copilot-local-build/gone/web/nginx:old-before-0123456789ab",
        "copilot-local-build/gone/web/nginx:test",
    ]
    assert [one.name for one in leftovers(made, app="gone", environment="test")] == [
        "cl-gone-test",
        "cl-gone-test-state",
        "copilot-local-build/gone/web/nginx:test",
    ]
    assert [one.name for one in leftovers(made, app="shop", environment="test")] == []


def test_our_own_newest_images_only_where_they_are_meant_and_unused() -> None:
    made = engine()
    for image in ("copilot-local/agent:1", "copilot-local/agent:2", "copilot-local/envoy:1", "copilot-local/aws:1"):
        made.add_image(image)
    made.create_container(ContainerSpec(name="aws", image="copilot-local/aws:1", labels=THERE.labels(Role.MEMBER)))
    ours = {one.name for one in leftovers(made, own=True) if one.name.startswith("copilot-local/")}
    assert ours == {"copilot-local/agent:1", "copilot-local/agent:2", "copilot-local/envoy:1"}
    ours = {one.name for one in leftovers(made) if one.name.startswith("copilot-local/")}
    assert len(ours) == 1, "all but the newest of each kind"
