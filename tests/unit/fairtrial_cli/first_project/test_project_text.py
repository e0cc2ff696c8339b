"""The settings that depend on the address of the models: the ports of the services, and what is outside."""

import pytest

from fairtrial_cli.first_project.project_text import project_text, service_ports
from fairtrial_cli.first_project.proposal import ModelPair
from fairtrial_cli.first_project.served_models import ServedModel

PAIR = ModelPair(ServedModel("a"), ServedModel("b"), "by their names")


@pytest.mark.parametrize(
    ("url", "first"),
    [
        ("http://127.0.0.1:8000/v1", 8080),
        ("http://127.0.0.1:8080/v1", 9080),
        ("http://localhost:8501/v1", 9080),
        ("http://gpu-1:8080/v1", 8080),
    ],
)
def test_the_services_leave_the_port_of_the_models_alone(url: str, first: int) -> None:
    assert service_ports(url, None)[0] == first


@pytest.mark.parametrize(
    ("host", "outside"),
    [
        ("api.openai.com", True),
        ("8.8.8.8", True),
        ("localhost", False),
        ("gpu-1", False),
        ("10.1.2.3", False),
        ("[::1]", False),
        ("models.acme.internal", False),
    ],
)
def test_a_server_elsewhere_is_external(host: str, outside: bool) -> None:
    text = project_text(PAIR, f"https://{host}/v1", key_env=None, ports=(1, 2, 3))
    assert ("external: true" in text) is outside
