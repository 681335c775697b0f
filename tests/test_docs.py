"""Runs what the documentation shows: its Python, its rows, its example; and checks that its tables are the code's."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from audit_reports import make_report
from pages import PAGES, ROOT, Block, blocks
from support import order_rows, write_rows

import forgelm
from forgelm.audit.report.envelope import build_envelope
from forgelm.base.errors import ExitCode
from forgelm.base.extras import is_installed
from forgelm.cli.main import COMMANDS, run
from forgelm.cli.main import forgelm as forgelm_command
from forgelm.config.data import DataConfig
from forgelm.data.prepare import prepare

SHARED = frozenset({"output_format", "quiet", "log_level"})
Run = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the rows that the pages train on, and nothing of this test run's settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)
    write_rows(tmp_path / "train.jsonl", order_rows(60))
    (tmp_path / "data").mkdir()
    write_rows(tmp_path / "data" / "train.jsonl", order_rows(24))
    return tmp_path


@pytest.mark.parametrize("page", ["configuration.md", "cli.md", "library.md", "compatibility.md"])
def test_the_generated_parts_are_fresh(generator: ModuleType, page: str) -> None:
    assert page in generator.PAGES
    assert generator.build(page) == (ROOT / "docs" / page).read_text(encoding="utf-8"), "run 'make docs'"


def test_a_stale_page_is_noticed(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    (tmp_path / "cli.md").write_text(text.replace("`--require-hmac`", "`--insist`"), encoding="utf-8")
    monkeypatch.setattr(generator, "DOCS", tmp_path)
    assert generator.build("cli.md") == text.replace("audit_log.jsonl `--insist`", "audit_log.jsonl `--require-hmac`")


def test_every_public_name_has_its_entry_and_tier(generator: ModuleType) -> None:
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### `(\w+)`\n\n(Stable|Experimental)\. ", text, re.MULTILINE)
    assert sorted(name for name, _ in entries) == sorted(name for name in forgelm.__all__ if not name.startswith("_"))
    assert {name for name, tier in entries if tier == "Experimental"} == generator.EXPERIMENTAL


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_of_every_command_is_documented(name: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = re.split(rf"^## `forgelm {name}[ `]", page, flags=re.MULTILINE)[1].partition("\n## ")[0]
    command = forgelm_command.get_command(click.Context(forgelm_command), name)
    assert command is not None
    own = [option for option in command.params if isinstance(option, click.Option) and option.name not in SHARED]
    undescribed = [
        option.opts
        for option in own
        if not option.help or not all(f"`{flag}`" in section for flag in (*option.opts, *option.secondary_opts))
    ]
    assert undescribed == []


def test_the_keys_of_the_audits_reply_are_listed() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    row = re.search(r"^\| `audit` \| (.+) \|$", page, re.MULTILINE)
    assert row is not None
    assert re.findall(r"`(\w+)`", row[1]) == list(build_envelope(make_report(), None))


def test_every_field_of_the_schema_is_described(generator: ModuleType) -> None:
    schema = generator.build_json_schema()
    rows = generator.render_configuration()
    fields = [name for section in schema["$defs"].values() for name in section.get("properties", {})]
    assert [
        name for name in fields if not re.search(rf"^\| `{name}` \| .+ \| .+ \| \S.* \|$", rows, re.MULTILINE)
    ] == []


def test_the_pages_python_runs_in_order(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """README, then the library page, evidence, how to verify it and the audit, as one reader would."""
    shown = [
        block
        for page in (
            "README.md",
            "docs/library.md",
            "docs/evidence.md",
            "docs/verify.md",
            "docs/audit.md",
            "docs/evaluation-benchmarks.md",
            "docs/webhooks.md",
            "docs/ingest.md",
            "docs/finetune-cli.md",
        )
        for block in _python(page)
    ]
    assert len(shown) == len(blocks("python"))
    for block in shown:
        exec(compile(block.body, str(block), "exec"), {"__name__": "page"})
    said = capsys.readouterr().out
    assert said.startswith("promoted ")
    assert "6 of 6" in said
    assert "[[" in said
    assert "['input_ids', 'labels']" in said
    assert "lines hold; head" in said
    assert [path.name for path in sorted((workplace / "runs").iterdir())] == [
        *("anchored", "library", "notebook", "pipeline")
    ]


@pytest.mark.parametrize("block", blocks("json row"), ids=lambda block: block.heading)
def test_every_shape_is_recognised_as_what_the_page_calls_it(block: Block, workplace: Path) -> None:
    rows = [{**json.loads(block.body), "id": number} for number in range(2)]
    others = {"preference": "dpo", "binary feedback": "kto", "prompt-only": "grpo", "question": "grpo"}
    data = DataConfig(dataset_name_or_path=str(write_rows(workplace / "rows.jsonl", rows)))
    prepared = prepare(data, seed=0, trainer=others.get(block.heading, "sft"))
    assert prepared.sources[0].detected == block.heading
    assert len(prepared.train) + len(prepared.validation or ()) == len(rows)


def test_every_json_is_json_and_no_block_is_of_an_unknown_kind() -> None:
    assert all(isinstance(json.loads(block.body), dict) for block in blocks("json", "json row"))
    known = {"sh", "text", "json", "json row", "python", "text signature", "yaml", "yaml part", "yaml other"}
    assert {block.info for block in blocks()} == known


def test_the_example_that_needs_nothing_ends_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    example, output = "examples/chat-messages.yaml", tmp_path / "run"
    arguments = ["--config", example, "--output-format", "json", "--set", f"training.output_dir={output}"]
    assert run(arguments) is ExitCode.OK
    reply = json.loads(capsys.readouterr().out)
    assert reply["verdict"] == "promoted"
    assert reply["metrics"]["eval_loss"] < reply["metrics"]["baseline_eval_loss"] / 4
    assert set(reply) == set(_documented_keys("a run that ended"))
    for command, outcome in _what_can_be_asked_of(output, arguments):
        assert run([*command, "--output-format", "json"]) is ExitCode.OK
        assert set(json.loads(capsys.readouterr().out)) == set(_documented_keys(outcome))


def test_an_error_is_documented_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model: {name_or_path: m}\nlora: {}\ntraining: {lr: 1}\ndata: {dataset_name_or_path: d}\n")
    assert run(["--config", str(path), "--output-format", "json"]) is ExitCode.CONFIG
    reply = json.loads(capsys.readouterr().out)
    documented = _documented_keys("an error")
    assert set(reply) <= set(documented)
    assert {"message", "path", "file", "line", "column", "hint"} <= set(reply["problems"][0]) & set(documented)


def test_what_the_readme_says_the_quickstart_prints_is_what_it_teaches() -> None:
    shown = next(block.body for block in blocks("text") if block.page == "README.md")
    held_out = Path(str(files("forgelm.assist") / "orders" / "heldout.jsonl")).read_text(encoding="utf-8")
    chats = [json.loads(line)["messages"] for line in held_out.splitlines()]
    guest, after = (re.findall(rf"^  {word} +(.+)$", shown, re.MULTILINE)[0] for word in ("guest", "after"))
    assert [guest, after] in [[chat[0]["content"], chat[1]["content"]] for chat in chats]


def test_the_page_on_the_bundled_model_has_its_cards_figures() -> None:
    card = Path(str(files("forgelm.model") / "ember" / "README.md")).read_text(encoding="utf-8")
    page = (ROOT / "docs" / "ember.md").read_text(encoding="utf-8")
    parameters = re.findall(r"\b[\d,]{7,}(?= parameter)", card)
    assert len(parameters) == 1
    assert f"{parameters[0]} parameters" in page
    weights = int(re.findall(r"model\.safetensors \| (\d+)", card)[0])
    assert f"{weights / 1e6:.1f} MB" in page
    for name in ("train", "heldout"):
        rows = Path(str(files("forgelm.assist") / "orders" / f"{name}.jsonl")).read_text(encoding="utf-8").splitlines()
        assert f" {len(rows)} " in page.replace("\n", " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    places = [(place or page.name, heading) for place, heading in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text)]
    assert [place for place in places if place[1] not in headings(page.parent / place[0])] == []
    paths = re.findall(r"`((?:src|tests|docs|examples|ember)/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def headings(page: Path) -> set[str]:
    """What the headings of a page are linked by."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


# The published page of the library API prints these; only the model is a local one here.


def test_published_snippet_training(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run("""
from forgelm import ForgeConfig, ForgeTrainer

config = ForgeConfig(
    model={"name_or_path": "builtin/ember"},
    lora={"r": 8, "alpha": 16, "target_modules": ["q_proj", "v_proj"]},
    data={"dataset_name_or_path": "data/train.jsonl"},
    training={
        "trainer_type": "sft",
        "num_train_epochs": 1,
        "per_device_train_batch_size": 1,
        "output_dir": "./checkpoints/quick",
    },
)
trainer = ForgeTrainer(config)
result = trainer.train()
print(f"success={result.success} output={result.output_dir}")
if not result.success and result.revert_reason:
    print(f"reverted: {result.revert_reason}")
""")
    model = workplace / "checkpoints" / "quick" / "final_model"
    assert capsys.readouterr().out == f"success=True output={model}\n"
    assert (model / "adapter_model.safetensors").is_file()


def test_published_snippet_logging(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORGELM_OPERATOR", raising=False)
    _run("""
import os
from forgelm import AuditLogger

os.environ.setdefault("FORGELM_OPERATOR", "airflow:dag-1234:run-5678")
logger = AuditLogger(output_dir="outputs/dag-1234")
logger.log_event(
    "training.started",
    trainer_type="sft",
    model="meta-llama/Llama-3.1-8B-Instruct",
    dataset="acme/customer-support-v3",
)
logger.log_event(
    "pipeline.completed",
    exit_code=0,
    duration_seconds=4218.7,
    success=True,
    metrics_summary={"eval_loss": 0.43, "rouge_l": 0.61},
)
""")
    lines = (workplace / "outputs" / "dag-1234" / "audit_log.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["event"] for entry in entries] == ["training.started", "pipeline.completed"]
    assert {entry["operator"] for entry in entries} == {"airflow:dag-1234:run-5678"}
    assert entries[1]["metrics_summary"] == {"eval_loss": 0.43, "rouge_l": 0.61}


VERIFYING = """
from forgelm import verify_audit_log

result = verify_audit_log(
    "outputs/run-001/audit_log.jsonl",
    hmac_secret={secret},
    require_hmac=True,
)
if not result.valid:
    raise SystemExit(f"audit chain broken: {{result.reason}}")
print(f"verified {{result.entries_checked}} entries; head={{result.chain_head}}")
"""


def test_published_snippet_verifying(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "a secret of some length")
    logger = forgelm.AuditLogger("outputs/run-001")
    for number in range(3):
        logger.log_event("step", number=number)
    with pytest.raises(SystemExit, match="audit chain broken: require_hmac needs the secret"):
        _run(VERIFYING.format(secret=None))
    _run(VERIFYING.format(secret="'a secret of some length'"))
    head = forgelm.verify_audit_log("outputs/run-001/audit_log.jsonl").chain_head
    assert capsys.readouterr().out == f"verified 3 entries; head={head}\n"
    log = workplace / "outputs" / "run-001" / "audit_log.jsonl"
    log.write_text(log.read_text(encoding="utf-8").replace('"number": 1', '"number": 7'), encoding="utf-8")
    with pytest.raises(SystemExit, match="audit chain broken"):
        _run(VERIFYING.format(secret="'a secret of some length'"))


AUDITING = """
from forgelm import audit_dataset
report = audit_dataset(
    "data/customer_support.jsonl",
    output_dir="audit_out",
    enable_pii_ml={ml},
    pii_ml_language="en",
    emit_croissant=True,
)
print(f"samples: {{report.total_samples}}")
print(f"duplicates: {{report.duplicate_count}}")
print(f"pii findings: {{len(report.pii_findings)}}")
print(f"split overlap pairs: {{report.cross_split_overlap.get('pairs', {{}})}}")
"""


def test_published_snippet_auditing(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"text": "Write to alice@example.com for help."}] * 2 + [{"text": "Nothing to find in this one."}]
    write_rows(workplace / "data" / "customer_support.jsonl", rows)
    if is_installed("presidio_analyzer") and is_installed("spacy"):
        _run(AUDITING.format(ml=True))
    else:
        with pytest.raises(forgelm.OptionalDependencyError, match=r"forgelm\[ner\]"):
            _run(AUDITING.format(ml=True))
        assert not (workplace / "audit_out").exists()
        _run(AUDITING.format(ml=False))
    said = capsys.readouterr().out.splitlines()
    assert said == ["samples: 3", "duplicates: 1", "pii findings: 2", "split overlap pairs: {}"]
    assert json.loads((workplace / "audit_out" / "croissant.json").read_text())["@type"] == "sc:Dataset"


def test_published_snippet_masking(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Places come from ``find_pii`` and ``find_secrets``; ``detect_...`` counts, as its own table says."""
    _run("""
from forgelm import detect_pii, detect_secrets, find_pii, find_secrets, mask_pii, mask_secrets
text = "Contact alice@example.com or use AKIAIOSFODNN7EXAMPLE for the call."
pii = find_pii(text)
secrets = find_secrets(text)
print(f"pii: {[(f.kind, f.span) for f in pii]}")
print(f"secrets: {[(f.kind, f.span) for f in secrets]}")
assert detect_pii(text) == {"email": 1}
masked = mask_secrets(mask_pii(text))
print(masked)
""")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "pii: [('email', (8, 25))]"
    assert said[2].startswith("Contact [REDACTED] or use ") and "alice" not in said[2]


def test_published_snippet_lazy_import(workplace: Path) -> None:
    """In a fresh interpreter; ``config`` is what the page leaves to the reader."""
    script = """
import sys
import forgelm

assert "torch" not in sys.modules
_ = forgelm.ForgeTrainer
assert "torch" not in sys.modules
config = forgelm.ForgeConfig(
    model={"name_or_path": "builtin/ember", "offline": True},
    lora={},
    training={"output_dir": "out", "max_steps": 3, "learning_rate": 1e-3, "report_to": "none"},
    data={"dataset_name_or_path": "train.jsonl"},
)
trainer = forgelm.ForgeTrainer(config)
assert "torch" not in sys.modules
result = trainer.train()
assert "torch" in sys.modules
assert result.success, result.error
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""


def _run(code: str) -> None:
    exec(compile(code, "page", "exec"), {"__name__": "page"})


def _python(page: str) -> list[Block]:
    return [block for block in blocks("python") if block.page == page]


def _documented_keys(outcome: str) -> list[str]:
    """Return the keys of the JSON table's row, without those that only sometimes apply."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").partition("## JSON")[2]
    row = next(line for line in text.splitlines() if line.startswith(f"| {outcome} |"))
    return re.findall(r"`(\w+)`", row.split("|", 2)[2].partition("where they apply")[0])


def _what_can_be_asked_of(output: Path, arguments: list[str]) -> Iterator[tuple[list[str], str]]:
    yield ["verify-audit", str(output / "audit_log.jsonl")], "`verify-audit`"
    yield ["verify-integrity", str(output / "final_model")], "`verify-integrity`"
    yield ["preview", "--config", arguments[1]], "`preview`"
    yield [*arguments, "--dry-run"], "`--dry-run`"
