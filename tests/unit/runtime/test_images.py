"""Which image a container runs here: a replacement, a substitute, a build, a local image, a pull, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.ecs.references import ImageReference, ParameterReference
from emulator.ecs.service import Build, Service
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import Image, RegistryAuth
from emulator.errors import ImageError, InputError, Position, SecretsError, UsageError
from emulator.events import Event, EventKind
from emulator.missing import MissingError
from emulator.runtime.images.resolver import ImageResolver
from emulator.runtime.images.sources import ImageSources
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.secrets.sources import SecretValues
from emulator.runtime.secrets.wanted import Finder
from emulator.settings import BuildSettings, load_settings
from tests.unit.runtime.world import make_service

PRIVATE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/nginx:1"


class Shop:
    """A workspace with folders to build from, and an engine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engine = FakeEngine()
        self.events: list[Event] = []
        self.substitutes: dict[str, str | BuildSettings] = {}
        self.images: dict[str, str | BuildSettings] = {}
        self.replacements: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        for folder in ("hello", "mine"):
            (root / folder).mkdir()
            (root / folder / "Dockerfile").write_text("FROM scratch\n")
        (root / "mine" / "Dockerfile.dev").write_text("FROM scratch\n")

    def sources(self, logins: RegistryLogins | None = None) -> ImageSources:
        return ImageSources(self.root, self.substitutes, self.replacements, self.images, logins)

    def resolver(self, *services: Service) -> ImageResolver:
        finder, values = Finder({}, "us-east-1"), SecretValues({}, self.secrets)
        logins = RegistryLogins([login for service in services for login in finder.logins(service)], values)
        return ImageResolver(self.engine, self.sources(logins), self.events.append)

    def resolve(self, service: Service) -> dict[str, str]:
        """Container to the first tag of the image it runs."""
        found = self.resolver(service).resolve([service])[service.name]
        return {name: image.tags[0] for name, id in found.items() if (image := self.engine.image(id))}

    def can_pull(self, reference: str) -> None:
        other = FakeEngine()
        image: Image = other.add_image(reference)
        self.engine.registry[reference] = image


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def service(image: str | ImageReference | ParameterReference = PRIVATE) -> Service:
    made = make_service({"nginx": {}}, name="hello")
    made.task_definition.container_definitions[0].image = image
    made.builds = {"nginx": Build(context="hello", dockerfile="hello/Dockerfile", target="run", args={"A": "1"})}
    return made


BUILT = ImageReference(name="nginx")
BUILT_TAG = "copilot-local-build/demo/hello/nginx:test"


@pytest.mark.parametrize(
    ("image", "given", "expected"),
    [
        pytest.param(PRIVATE, {"replacement", "substitute", "local", "pull"}, "replacement:1", id="a replacement"),
        pytest.param(BUILT, {"replacement"}, "replacement:1", id="a replacement of what would be built"),
        pytest.param(PRIVATE, {"substitute", "local", "pull"}, "substitute:1", id="a substitute"),
        pytest.param(BUILT, {"substitute"}, BUILT_TAG, id="a build"),
        pytest.param(PRIVATE, {"local", "pull"}, PRIVATE, id="a local image"),
        pytest.param(PRIVATE, {"pull"}, PRIVATE, id="a pull"),
    ],
)
def test_the_first_that_there_is_is_taken(
    shop: Shop, image: str | ImageReference, given: set[str], expected: str
) -> None:
    shop.engine.add_image("replacement:1")
    shop.engine.add_image("substitute:1")
    if "replacement" in given:
        shop.replacements["nginx"] = "replacement:1"
    if "substitute" in given:
        shop.substitutes[PRIVATE] = "substitute:1"
    if "local" in given:
        shop.engine.add_image(PRIVATE)
    if "pull" in given:
        shop.can_pull(PRIVATE)
    assert shop.resolve(service(image)) == {"nginx": expected}
    pulled = [target for verb, target in shop.engine.calls if verb == "pull"]
    assert pulled == ([PRIVATE] if given == {"pull"} else []), "nothing is pulled that is there"


def test_an_image_that_cannot_be_pulled_says_how_to_replace_it(shop: Shop) -> None:
    with pytest.raises(ImageError, match="cannot pull") as caught:
        shop.resolve(service())
    assert caught.value.hint
    assert [event.kind for event in shop.events] == [EventKind.STEP_STARTED, EventKind.STEP_FAILED]


def test_the_manifests_build_is_built_as_it_says(shop: Shop) -> None:
    shop.substitutes = {"python:3.12": "stand-in/python:3.12", "nginx:1": "/folder"}
    shop.resolve(service(BUILT))
    [build] = shop.engine.builds
    assert (build.context, build.dockerfile) == (shop.root / "hello", shop.root / "hello" / "Dockerfile")
    assert (build.target, build.args) == ("run", {"A": "1"})
    assert build.substitutes == {"python:3.12": "stand-in/python:3.12"}, "a FROM line names images only"


@pytest.mark.parametrize("way", ["replacement", "substitute"])
@pytest.mark.parametrize(
    ("target", "dockerfile"), [("mine", "mine/Dockerfile"), ("mine/Dockerfile.dev", "mine/Dockerfile.dev")]
)
def test_a_folder_or_a_dockerfile_in_an_images_place_is_built(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, way: str, target: str, dockerfile: str
) -> None:
    monkeypatch.chdir(shop.root)
    if way == "replacement":
        shop.replacements["nginx"] = f"./{target}"
    else:
        shop.substitutes[PRIVATE] = str(shop.root / target)
    assert shop.resolve(service()) == {"nginx": BUILT_TAG}
    [build] = shop.engine.builds
    assert (build.context, build.dockerfile) == (shop.root / "mine", shop.root / dockerfile)


def test_a_path_that_is_not_there_is_refused(shop: Shop) -> None:
    shop.replacements["nginx"] = "./nowhere"
    with pytest.raises(InputError, match=r"replaced by \./nowhere, which does not exist"):
        shop.resolve(service())


def test_a_replacement_of_no_container_is_refused(shop: Shop) -> None:
    shop.replacements["ngnix"] = "nginx:1"
    with pytest.raises(UsageError, match="there is no container ngnix") as caught:
        shop.resolve(service())
    assert caught.value.hint == "did you mean nginx? containers: nginx"


def test_an_image_that_only_a_deployment_knows_is_refused_with_its_line(shop: Shop) -> None:
    image = ParameterReference(name="Image", position=Position("manifest.yml", 7))
    with pytest.raises(InputError, match=r"manifest\.yml:7: the image of container nginx is only known when deployed"):
        shop.resolve(service(image))


def test_a_failing_build_is_told_with_its_lines(shop: Shop) -> None:
    (shop.root / "hello" / "Dockerfile").unlink()
    with pytest.raises(ImageError):
        shop.resolve(service(BUILT))
    failed = [event.subject for event in shop.events if event.kind is EventKind.STEP_FAILED]
    assert failed == ["build hello/Dockerfile"]


def test_a_build_of_several_services_is_done_once(shop: Shop) -> None:
    hello, worker, other = (service(BUILT).model_copy(update={"name": name}) for name in ("hello", "worker", "other"))
    other.builds = {"nginx": Build(context="hello", dockerfile="hello/Dockerfile", target="run", args={"A": "2"})}
    resolved = shop.resolver().resolve([hello, worker, other])
    assert sorted(build.args["A"] for build in shop.engine.builds) == ["1", "2"]
    assert resolved["hello"] == resolved["worker"] != resolved["other"]


def test_a_build_of_several_services_that_fails_is_told_once(shop: Shop) -> None:
    (shop.root / "hello" / "Dockerfile").unlink()
    with pytest.raises(ImageError):
        shop.resolver().resolve([service(BUILT), service(BUILT).model_copy(update={"name": "worker"})])


def test_an_image_of_several_containers_is_pulled_once(shop: Shop) -> None:
    shop.can_pull("busybox:1")
    shop.resolve(make_service({"a": {"image": "busybox:1"}, "b": {"image": "busybox:1"}}))
    assert [call for call in shop.engine.calls if call[0] == "pull"] == [("pull", "busybox:1")]


def test_our_own_images_can_be_substituted_too(shop: Shop) -> None:
    shop.substitutes["haproxy:3.0"] = "stand-in/haproxy:3.0"
    shop.engine.add_image("stand-in/haproxy:3.0")
    found = shop.engine.image(shop.resolver().local("haproxy:3.0"))
    assert found is not None
    assert found.tags == ("stand-in/haproxy:3.0",)


@pytest.mark.parametrize(
    ("entry", "image"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:latest", "nginx"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("index.docker.io/bitnami/redis", "bitnami/redis:latest"),
    ],
)
def test_an_image_is_substituted_however_it_is_spelled(shop: Shop, entry: str, image: str) -> None:
    shop.substitutes[entry] = "mine:1"
    shop.engine.add_image("mine:1")
    assert shop.resolve(service(image)) == {"nginx": "mine:1"}
    shop.substitutes = {"nginx:1": "mine:1", "other/nginx": "mine:1"}
    with pytest.raises(ImageError):
        shop.resolve(service("nginx:1.2"))


def test_a_folder_cannot_stand_for_one_of_ours(shop: Shop) -> None:
    shop.substitutes["haproxy:3.0"] = str(shop.root / "mine")
    with pytest.raises(InputError, match=r"haproxy:3\.0 is replaced by a folder") as caught:
        shop.resolver().local("haproxy:3.0")
    assert "image reference" in caught.value.hint


class TestAPrivateRegistry:
    SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:hub-AbCdEf"

    @pytest.fixture
    def guarded(self, shop: Shop) -> Service:
        """A service whose image takes a login; the login stands on line 9."""
        shop.can_pull(PRIVATE)
        shop.engine.guarded[PRIVATE] = RegistryAuth("reader", "open-sesame")
        made = make_service({"nginx": {"image": PRIVATE, **self.login()}}, name="hello")
        made.positions["sidecars.nginx.credentialsParameter"] = Position("copilot/hello/manifest.yml", 9, 5)
        return made

    def login(self) -> dict[str, object]:
        return {"repositoryCredentials": {"credentialsParameter": self.SECRET}}

    def test_is_given_the_login_in_the_secret(self, shop: Shop, guarded: Service) -> None:
        shop.secrets["hub"] = '{"username": "reader", "password": "open-sesame"}'
        assert shop.resolve(guarded) == {"nginx": PRIVATE}
        assert "open-sesame" not in repr(shop.events)

    def test_that_refuses_it_is_told_in_ecs_words_with_the_line(self, shop: Shop, guarded: Service) -> None:
        shop.secrets["hub"] = '{"username": "reader", "password": "open-barley"}'
        with pytest.raises(ImageError) as caught:
            shop.resolve(guarded)
        assert caught.value.message.startswith(f"CannotPullContainerError: cannot pull {PRIVATE}: ")
        assert str(caught.value.position) == "copilot/hello/manifest.yml:9:5"
        assert self.SECRET in caught.value.hint
        assert "open-barley" not in f"{caught.value} {caught.value.hint} {caught.value.output} {shop.events!r}"

    def test_that_fails_otherwise_says_nothing_of_the_login(self, shop: Shop, guarded: Service) -> None:
        shop.secrets["hub"] = '{"username": "reader", "password": "open-sesame"}'
        shop.engine.registry.clear()
        guarded.positions["sidecars.nginx.image"] = Position("copilot/hello/manifest.yml", 8, 5)
        with pytest.raises(ImageError, match=r"CannotPullContainerError: .* manifest unknown") as caught:
            shop.resolve(guarded)
        assert str(caught.value.position) == "copilot/hello/manifest.yml:8:5"
        assert self.SECRET not in caught.value.hint

    def test_whose_login_is_missing_stops_before_anything_is_pulled(self, shop: Shop, guarded: Service) -> None:
        with pytest.raises(SecretsError) as caught:
            shop.resolve(guarded)
        assert caught.value.output == [
            f"copilot/hello/manifest.yml:9: the registry login of hello/nginx: {self.SECRET}"
        ]
        assert "pull" not in [verb for verb, _ in shop.engine.calls]

    @pytest.mark.parametrize("way", ["local", "replacement", "substitute"])
    def test_is_not_asked_for_an_image_that_is_here(self, shop: Shop, guarded: Service, way: str) -> None:
        image = shop.engine.add_image(PRIVATE if way == "local" else "mine:1").tags[0]
        if way == "replacement":
            shop.replacements["nginx"] = image
        elif way == "substitute":
            shop.substitutes[PRIVATE] = image
        assert shop.resolve(guarded) == {"nginx": image}


class TestWhichContainerIsMeant:
    """`--image` and `[images]` name a container alone where one service has it, else with its service."""

    @pytest.fixture
    def services(self) -> list[Service]:
        return [make_service({"nginx": {"image": PRIVATE}}, name=name) for name in ("api", "web")]

    @pytest.mark.parametrize("way", ["replacements", "images"])
    def test_with_its_service_it_is_that_one(self, shop: Shop, services: list[Service], way: str) -> None:
        table = getattr(shop, way)
        table["web/nginx"] = "mine:1"
        for image in ("mine:1", PRIVATE):
            shop.engine.add_image(image)
        shop.sources().check_names(services)
        found = shop.resolver().resolve(services)
        names = {name: shop.engine.image(images["nginx"]) for name, images in found.items()}
        assert {name: image.tags for name, image in names.items() if image} == {"api": (PRIVATE,), "web": ("mine:1",)}

    def test_alone_it_is_refused_where_two_have_it(self, shop: Shop, services: list[Service]) -> None:
        shop.replacements["nginx"] = "mine:1"
        with pytest.raises(UsageError, match=r"--image nginx=…: api and web each have a container nginx") as caught:
            shop.sources().check_names(services)
        assert caught.value.hint == "say which one: api/nginx=… or web/nginx=…"
        shop.images["nginx"] = "mine:1"
        with pytest.raises(UsageError, match=r"\[images\] nginx in copilot-local\.toml: api and web each"):
            shop.sources().check_table(services)

    def test_the_command_line_wins_over_the_settings(self, shop: Shop, services: list[Service]) -> None:
        shop.images["web/nginx"] = "settings:1"
        shop.replacements["nginx"] = "option:1"
        web = services[1]
        [container] = web.task_definition.container_definitions
        assert shop.sources().of(web, container).reference == "option:1"

    @pytest.mark.parametrize(
        ("name", "said", "hint"),
        [
            ("wbe/nginx", "there is no service wbe", "did you mean web?"),
            ("web/ngnix", "there is no container ngnix in web", "did you mean web/nginx?"),
        ],
    )
    def test_a_name_of_nothing_is_refused(
        self, shop: Shop, services: list[Service], name: str, said: str, hint: str
    ) -> None:
        shop.replacements[name] = "mine:1"
        with pytest.raises(UsageError, match=said) as caught:
            shop.sources().check_names(services)
        assert caught.value.hint.startswith(hint)

    def test_the_settings_may_name_a_service_that_is_not_meant_now(self, shop: Shop, services: list[Service]) -> None:
        shop.images |= {"worker/nginx": "mine:1", "sidecar": "mine:1"}
        shop.sources().check_table(services)
        shop.images["web/ngnix"] = "mine:1"
        with pytest.raises(UsageError, match="there is no container ngnix in web"):
            shop.sources().check_table(services)


@pytest.mark.parametrize("section", ["substitute", "images"])
def test_a_build_in_the_settings_says_dockerfile_context_target_and_arguments(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.root / "none"))
    key = PRIVATE if section == "substitute" else "hello/nginx"
    build = '{dockerfile = "mine/Dockerfile.dev", context = ".", target = "dev", args = {A = "b"}}'
    (shop.root / "copilot-local.toml").write_text(f'[{section}]\n"{key}" = {build}\n')
    settings = load_settings(shop.root)
    shop.substitutes, shop.images = dict(settings.substitute), dict(settings.images)
    assert shop.resolve(service()) == {"nginx": BUILT_TAG}
    [made] = shop.engine.builds
    assert (made.context, made.dockerfile) == (shop.root, shop.root / "mine" / "Dockerfile.dev")
    assert (made.target, made.args) == ("dev", {"A": "b"})


def test_a_build_in_the_settings_has_defaults(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.root / "none"))
    for build in ('{context = "mine"}', '{dockerfile = "mine/Dockerfile"}'):
        (shop.root / "copilot-local.toml").write_text(f'[images]\n"hello/nginx" = {build}\n')
        shop.images = dict(load_settings(shop.root).images)
        shop.resolve(service())
        made = shop.engine.builds[-1]
        assert (made.context, made.dockerfile) == (shop.root / "mine", shop.root / "mine" / "Dockerfile")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        ('{dockerfle = "x"}', r"copilot-local\.toml:2: images\.hello/nginx\.dockerfle: there is no such key"),
        ('{args = {A = "b"}}', "a build has a dockerfile or a context, or both"),
        ("7", "Input should be a valid string or Input should be an object"),
    ],
)
def test_a_broken_build_in_the_settings_is_told_with_its_line(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, build: str, said: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.root / "none"))
    (shop.root / "copilot-local.toml").write_text(f'[images]\n"hello/nginx" = {build}\n')
    with pytest.raises(InputError, match=said):
        load_settings(shop.root)


def test_images_that_cannot_be_pulled_are_told_together(shop: Shop) -> None:
    several = make_service({"a": {"image": "a:1"}, "b": {"image": "b:1"}}, name="hello")
    several.positions["sidecars.a.image"] = Position("copilot/hello/manifest.yml", 9, 5)
    with pytest.raises(MissingError) as caught:
        shop.resolve(several)
    lines = [line.strip() for line in caught.value.output[1:]]
    assert [line.partition(": Cannot")[0] for line in lines] == ["copilot/hello/manifest.yml:9: hello/a", "hello/b"]


@pytest.mark.parametrize(
    "reference", ["copilot-local/agent:0123456789ab", "docker.io/copilot-local/agent:1", "copilot-local-build/x:1"]
)
def test_an_image_under_a_name_of_our_own_is_never_pulled(shop: Shop, reference: str) -> None:
    """It would be there the next time that we look for our own, and run beside the Docker socket."""
    shop.can_pull(reference)
    with pytest.raises(ImageError, match="images that it makes itself"):
        shop.resolve(make_service({"web": {"image": reference}}, name="web"))
    assert shop.engine.image(reference) is None
