"""`route`: the question "why does this request not reach my container?", asked on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from emulator.cli.shell.app import run

EXAMPLE = Path(__file__).parents[3] / "examples" / "nginx-sidecar"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


@pytest.mark.usefixtures("workspace")
class TestRoute:
    def test_a_request_that_reaches_the_sidecar(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/api/orders?x=1"]) == 0
        out = capsys.readouterr().out
        assert "✓ path-pattern /api or /api/* against /api/orders" in out
        assert "→ hello: container nginx, port 80" in out
        assert "it sees GET /api/orders?x=1" in out

    def test_a_request_that_no_rule_takes(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/other"]) == 0
        out = capsys.readouterr().out
        assert "✗ path-pattern /api or /api/* against /other" in out
        assert "503" in out

    def test_a_patch_that_rewrites_the_url(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = workspace / "copilot" / "hello" / "overrides" / "cfn.patches.yml"
        file.parent.mkdir()
        rule = "/Resources/HTTPListenerRule/Properties"
        rewrite = "{Type: url-rewrite, UrlRewriteConfig: {Rewrites: [{Regex: ^/v1, Replace: /api}]}}"
        file.write_text(
            f"- {{op: add, path: {rule}/Conditions/0/PathPatternConfig/RegexValues, value: [^/v1/]}}\n"
            f"- {{op: add, path: {rule}/Transforms, value: [{rewrite}]}}\n"
        )
        assert run(["route", "GET", "/v1/orders"]) == 0
        out = capsys.readouterr().out
        assert "✓ path-pattern /api or /api/* or regex ^/v1/ against /v1/orders: found by ^/v1/" in out
        assert "it sees GET /api/orders, in place of /v1/orders" in out

    def test_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "get", "/api/x", "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["destinations"][0]["container"] == "nginx"
        assert found["method"] == "GET"
        assert found["rules"][0]["verdict"] == "wins"

    def test_a_header_without_a_colon(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/", "-H", "nonsense"]) == 2
        assert "-H takes NAME: VALUE, not 'nonsense'" in capsys.readouterr().err


class TestHttps:
    @pytest.fixture(autouse=True)
    def manifest(self, workspace: Path) -> None:
        manifest = workspace / "copilot" / "hello" / "manifest.yml"
        text = manifest.read_text().replace("http:\n", "http:\n  alias: api.example.com\n")
        manifest.write_text(text + "\nenvironments:\n  dev:\n    http:\n      target_container: hello\n  prod: {}\n")

    def test_a_redirect_names_the_port_that_up_would_choose(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/api/x?y=1"]) == 0
        out = capsys.readouterr().out
        assert "✓ host-header api.example.com or the load balancer's own name against localhost" in out
        assert "Location: https://localhost:8443/api/x?y=1" in out
        assert "what follows: `copilot-local route GET 'https://localhost:8443/api/x?y=1'`" in out

    def test_ports_of_the_settings(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (workspace / "copilot-local.toml").write_text("[front]\nport = 9000\nhttps_port = 9443\n")
        assert run(["route", "GET", "/api/x"]) == 0
        assert "Location: https://localhost:9443/api/x" in capsys.readouterr().out

    @pytest.mark.parametrize("host", ["api.example.com", "api.example.com.localhost:8443", "localhost:8443"])
    def test_over_https_it_reaches_the_container(self, host: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", f"https://{host}/api/x"]) == 0
        assert "→ hello: container nginx, port 80" in capsys.readouterr().out

    def test_other_names_do_not(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "https://www.example.com/api/x"]) == 0
        assert "the load balancer itself answers 503" in capsys.readouterr().out

    def test_without_https_the_alias_is_left_out(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "--no-https", "GET", "/api/x"]) == 0
        out = capsys.readouterr().out
        assert "host-header" not in out
        assert "→ hello: container nginx, port 80" in out

    def test_without_a_listener_https_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "--no-https", "GET", "https://api.example.com/api/x"]) == 1
        assert "there is no HTTPS listener here" in capsys.readouterr().err

    def test_what_changes_between_environments(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "--all-envs", "GET", "https://localhost/api/x"]) == 0
        others, _, dev = capsys.readouterr().out.partition("dev:\n")
        assert "→ hello: container hello, port 3000" in dev
        assert others.startswith("test, prod:\n")
        assert "→ hello: container nginx, port 80" in others

    def test_the_same_in_every_environment(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "--all-envs", "GET", "https://localhost/elsewhere"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("the same in every environment: test, dev, prod")
        assert "answers 503" in out

    def test_one_environment_or_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "--all-envs", "-e", "dev", "GET", "/"]) == 2
        assert "--all-envs and --env exclude each other" in capsys.readouterr().err


class TestWarnings:
    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("path: 'api'", "path: 'api'\n  additional_rules: [{path: 'api/orders'}]", "CL701"),
            ("healthcheck: '/api/health-check'", "healthcheck: '/healthz'", "CL702"),
        ],
    )
    def test_come_with_the_line_of_the_manifest(
        self, workspace: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, expected: str
    ) -> None:
        manifest = workspace / "copilot" / "hello" / "manifest.yml"
        text = manifest.read_text()
        assert old in text
        manifest.write_text(text.replace(old, new))
        assert run(["route", "GET", "/api/orders/1"]) == 0
        err = capsys.readouterr().err
        assert f"warning[{expected}]" in err
        assert "manifest.yml:" in err

    def test_are_silenced_where_the_rule_stands(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        manifest = workspace / "copilot" / "hello" / "manifest.yml"
        manifest.write_text(manifest.read_text().replace("path: 'api'", "path: 'api'  # copilot-local: ignore CL704"))
        assert run(["route", "GET", "/api/orders"]) == 0
        assert "CL704" not in capsys.readouterr().err

    @pytest.mark.usefixtures("workspace")
    def test_the_classic_surprise(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "GET", "/api/orders"]) == 0
        assert "warning[CL704]" in (err := capsys.readouterr().err)
        assert "the container sees /api/x as /api/x, not as /x" in err


@pytest.mark.usefixtures("workspace")
class TestWithoutAMethod:
    @pytest.mark.parametrize("url", ["/api/orders?x=1", "http://localhost/api/orders?x=1"])
    def test_a_url_alone_is_asked_for_by_get(self, capsys: pytest.CaptureFixture[str], url: str) -> None:
        assert run(["route", url]) == 0
        assert "it sees GET /api/orders?x=1" in capsys.readouterr().out

    def test_a_method_alone_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route", "POST"]) == 2
        err = capsys.readouterr().err
        assert "'POST' is neither a path nor a URL" in err
        assert "a method and a URL: POST /api/x" in err

    def test_without_arguments_the_url_is_what_is_missing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["route"]) == 2
        told = capsys.readouterr().err
        assert told == "error: route needs a URL\n\nhint: write /api/x, or a method and a URL: POST /api/x\n"
        assert run(["route", "--format", "json"]) == 2
