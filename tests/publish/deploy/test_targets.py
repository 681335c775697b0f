from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from huggingface_hub import InferenceEndpointType, hf_api
from merging import EMBER

from forgelm.base.errors import ConfigError
from forgelm.publish.deploy.model import Served
from forgelm.publish.deploy.targets import TARGETS, TGI_IMAGE, Wishes
from forgelm.publish.gguf.template import read_template

MODEL = Served(
    "/models/waiter", "Waiter_v2", True, False, "bfloat16", read_template(EMBER), "/models/waiter/chat_template.jinja",
    ("<|end|>",), {"eos_token": "<|end|>"}, 1024, (),
)  # fmt: skip


def rendered(target: str, model: Served = MODEL, **wishes: object) -> str:
    return TARGETS[target].render(model, Wishes(**wishes))[0]  # type: ignore[arg-type]


def test_the_contracts_targets_and_two_more() -> None:
    assert list(TARGETS) == ["ollama", "vllm", "tgi", "hf-endpoints", "sglang", "kserve"]
    assert [target.file_name for target in TARGETS.values()][:4] == [
        *("Modelfile", "vllm_config.yaml", "docker-compose.yaml", "hf_endpoint.json")
    ]


def test_ollama_gets_the_trained_template() -> None:
    text = rendered("ollama", system="Be brief.", max_length=512)
    assert text.startswith("FROM /models/waiter\n")
    assert (
        'TEMPLATE """{{ range .Messages }}'
        '{{ if eq .Role "system" }}<|system|>{{ .Content }}<|end|>'
        '{{ else if eq .Role "user" }}<|user|>{{ .Content }}<|end|>'
        '{{ else if eq .Role "assistant" }}<|assistant|>{{ .Content }}<|end|>'
        '{{ end }}{{ end }}<|assistant|>"""' in text
    )
    for line in ("temperature 0.7", "top_k 50", "top_p 0.9", "num_ctx 512", 'stop "<|end|>"'):
        assert f"PARAMETER {line}\n" in text
    assert text.endswith('SYSTEM """Be brief."""\n')


def test_ollama_is_told_what_its_form_cannot_say() -> None:
    text, notes = TARGETS["ollama"].render(replace(MODEL, template="{{ messages }}"), Wishes())
    assert "TEMPLATE" not in text
    assert "more than Ollama's form can say" in notes[0]
    with pytest.raises(ConfigError, match="ends it in a Modelfile"):
        rendered("ollama", system='say """')


def test_vllm_and_sglang_read_their_settings() -> None:
    vllm = yaml.safe_load(rendered("vllm", gpu_memory_utilization=0.5, trust_remote_code=True, port=9000))
    assert vllm == {
        "model": "/models/waiter",
        "served_model_name": "Waiter_v2",
        "max_model_len": 4096,
        "gpu_memory_utilization": 0.5,
        "dtype": "bfloat16",
        "trust_remote_code": True,
        "port": 9000,
        "chat_template": "/models/waiter/chat_template.jinja",
    }
    sglang = yaml.safe_load(rendered("sglang"))
    assert (sglang["model-path"], sglang["context-length"]) == ("/models/waiter", 4096)


def test_tgi_is_pinned_and_may_not_write_to_the_model() -> None:
    service = yaml.safe_load(rendered("tgi", port=9000, max_length=512))["services"]["tgi"]
    assert service["image"] == TGI_IMAGE and not TGI_IMAGE.endswith(":latest")
    assert service["ports"] == ["9000:80"]
    assert service["volumes"] == ["/models/waiter:/data:ro"]
    command = service["command"]
    assert command[command.index("--max-total-tokens") + 1] == "1024"


@pytest.mark.parametrize("vendor", ["aws", "azure", "gcp"])
def test_an_endpoint_is_in_a_region_of_its_vendor(vendor: str) -> None:
    content = json.loads(rendered("hf-endpoints", vendor=vendor))
    assert content["cloud"]["vendor"] == vendor
    assert content["cloud"]["region"] == {"aws": "us-east-1", "azure": "eastus", "gcp": "us-east4"}[vendor]
    assert (content["model"]["framework"], content["model"]["task"]) == ("pytorch", "text-generation")
    assert content["compute"]["scaling"] == {"minReplica": 0, "maxReplica": 1}
    assert content["name"] == "waiter-v2"


def test_kserve_gets_an_inference_service() -> None:
    content = yaml.safe_load(rendered("kserve", max_length=512))
    assert (content["kind"], content["apiVersion"]) == ("InferenceService", "serving.kserve.io/v1beta1")
    assert content["metadata"]["name"] == "waiter-v2"
    assert "--max_model_len=512" in content["spec"]["predictor"]["model"]["args"]


def read_modelfile(text: str) -> list[tuple[str, str]]:
    """Read a Modelfile as its documentation says: an instruction a line; marks hold text, unescaped."""
    found, lines = [], iter(text.splitlines(keepends=True))
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        name, _, value = line.rstrip("\n").partition(" ")
        if name == "PARAMETER":
            name, _, value = value.partition(" ")
        mark = next((mark for mark in ('"""', '"') if value.startswith(mark)), "")
        while mark and not (value.endswith(mark) and len(value) >= 2 * len(mark)):
            value = value if value.endswith("\n") else value + "\n"
            value += next(lines).rstrip("\n") + "\n"
            value = value[:-1] if value[:-1].endswith(mark) else value
        found.append((name, value[len(mark) : len(value) - len(mark)]))
    return found


def test_ollama_reads_back_what_was_meant() -> None:
    stops = ("<|end|>", "\n\n", "a\\b", 'say "no"', 'x"\ny', "\u2581", '"""')
    text, notes = TARGETS["ollama"].render(replace(MODEL, stop=stops), Wishes(system='Be\n\n"brief"'))
    said = read_modelfile(text)
    assert [value for name, value in said if name == "stop"] == list(stops[:-1])
    assert any("cannot say the end" in note for note in notes)
    assert said[-1] == ("SYSTEM", 'Be\n\n"brief"')
    assert {name for name, _ in said} == {
        *("FROM", "TEMPLATE", "temperature", "top_k", "top_p", "num_ctx", "stop", "SYSTEM")
    }


class Sent(Exception):
    """What the vendor's client was about to send."""


def test_the_vendors_own_client_would_send_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(rendered("hf-endpoints"))
    compute, model, cloud = content["compute"], content["model"], content["provider"]

    class Session:
        def post(self, url: str, headers: dict[str, str], json: Any) -> None:
            raise Sent(json)

    monkeypatch.setattr(hf_api, "get_session", Session)
    with pytest.raises(Sent) as caught:
        hf_api.HfApi(token="hf_x").create_inference_endpoint(
            content["name"],
            namespace="me",
            repository=model["repository"],
            framework=model["framework"],
            task=model["task"],
            custom_image=model["image"],
            accelerator=compute["accelerator"],
            instance_size=compute["instanceSize"],
            instance_type=compute["instanceType"],
            min_replica=compute["scaling"]["minReplica"],
            max_replica=compute["scaling"]["maxReplica"],
            type=InferenceEndpointType(content["type"]),
            **cloud,
        )
    (sent,) = caught.value.args
    del sent["compute"]["scaling"]["scaleToZeroTimeout"], sent["model"]["revision"]
    # The contract has the same under another name too.
    assert content.pop("cloud") == cloud
    assert content == sent


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("7B Chat", "model-7b-chat"), ("--", "model"), ("Waiter_v2", "waiter-v2"), ("a" * 40, "a" * 32)],
)
def test_a_cluster_wants_names_that_begin_with_a_letter(name: str, allowed: str) -> None:
    content = yaml.safe_load(rendered("kserve", replace(MODEL, name=name)))
    assert content["metadata"]["name"] == allowed
