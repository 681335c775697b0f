"""Every command of both programs has a test that runs it to its end, with real parts: here they are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from finetune_cli.cli.main import finetune_cli
from forgelm.cli.main import forgelm

TESTS = Path(__file__).parent
SHOWN = {
    "forgelm": {
        "": "cli/test_train.py::test_a_users_own_file_trains",
        "approvals": "cli/test_approvals.py::test_a_reviewers_day_with_a_real_run",
        "approve": "cli/test_approvals.py::test_a_reviewers_day_with_a_real_run",
        "audit": "cli/test_compliance_export.py::test_before_audit_it_is_the_folder_of_the_report",
        "bundle": "cli/test_bundle.py::test_a_reviewer_s_way_through",
        "cache models": "cli/test_cache.py::test_models_are_fetched_and_counted",
        "cache tasks": "cli/test_cache.py::test_tasks_fetched_into_a_folder_are_there_without_a_network",
        "cache-models": "cli/test_cache.py::test_models_are_fetched_and_counted",
        "cache-tasks": "cli/test_cache.py::test_tasks_fetched_into_a_folder_are_there_without_a_network",
        "chat": "cli/test_chat.py::test_lines_go_in_and_replies_come_out",
        "completion": "cli/test_completion.py::test_bash_itself_completes_a_command",
        "deploy": "cli/test_deploy.py::test_a_file_is_written_and_named",
        "docs": "cli/test_pages.py::test_all_pages_are_listed_and_each_is_printed",
        "doctor": "cli/test_doctor.py::test_one_document_whose_success_is_the_exit_code",
        "explain": "cli/test_pages.py::test_a_word_is_explained_in_text_and_json",
        "export": "cli/test_export.py::test_the_reply_is_that_of_the_contract",
        "ingest": "cli/test_ingest.py::test_the_envelope_and_the_masks",
        "keys generate": "cli/test_keys.py::test_a_key_is_made_shown_and_found",
        "keys generate-model-key": "cli/test_keys.py::test_a_model_key_is_made_once_and_signs",
        "keys path": "cli/test_keys.py::test_a_key_is_made_shown_and_found",
        "keys show": "cli/test_keys.py::test_a_key_is_made_shown_and_found",
        "launch": "run/test_several_processes.py::test_two_processes_learn_what_one_learns",
        "merge": "cli/test_merge.py::test_an_adapter_is_merged",
        "migrate": "cli/test_migrate.py::test_a_file_is_written_and_what_was_left_out_is_said",
        "preview": "cli/test_preview.py::test_terminal_json_and_page",
        "purge": "cli/test_purge.py::test_what_saw_a_row_of_a_real_run",
        "quickstart": "cli/test_quickstart.py::test_the_whole_first_run",
        "recommend": "cli/test_recommend.py::test_a_file_is_written_once",
        "reject": "cli/test_approvals.py::test_rejected",
        "resume": "cli/test_resume.py::test_a_run_is_continued_and_verified",
        "reverse-pii": "cli/test_reverse_pii.py::test_found_and_not_found",
        "revoke": "cli/test_approvals.py::test_a_reviewers_day_with_a_real_run",
        "safety-eval": "cli/test_safety_eval.py::test_each_outcome_has_its_code",
        "schema": "cli/test_schema.py::test_it_is_the_schema",
        "sign": "cli/test_sign.py::test_a_model_is_signed_and_one_changed_byte_is_exit_6",
        "upload": "publish/test_upload.py::test_a_model_arrives_whole_with_a_card",
        "verify": "cli/test_bundle.py::test_a_reviewer_s_way_through",
        "verify-annex-iv": "cli/test_verify_annex_iv.py::test_a_complete_file",
        "verify-audit": "cli/test_verify.py::test_a_finished_run_verifies",
        "verify-gguf": "cli/test_export.py::test_the_reply_is_that_of_the_contract",
        "verify-integrity": "cli/test_verify.py::test_a_finished_run_verifies",
        "verify-signature": "cli/test_sign.py::test_a_model_is_signed_and_one_changed_byte_is_exit_6",
        "wizard": "cli/test_wizard.py::test_piped_answers_write_a_configuration_that_trains",
    },
    "finetune-cli": {
        "benchmark": "finetune_cli/test_cli.py::test_base_and_tuned_are_compared",
        "convert": "finetune_cli/test_cli.py::test_a_converted_configuration_trains_the_same_bytes",
        "evaluate": "finetune_cli/test_cli.py::test_a_run_is_evaluated",
        "merge": "finetune_cli/test_merge.py::test_the_adapter_of_a_run_is_found_in_it",
        "recommend": "finetune_cli/test_recommend.py::test_what_is_written_trains_as_it_is",
        "train": "finetune_cli/test_cli.py::test_training_leaves_a_model_and_the_engines_evidence",
        "upload": "publish/test_upload.py::test_the_second_command_uploads_as_well",
    },
}


def commands(group: click.Group, parent: click.Context | None = None) -> Iterator[str]:
    """Yield the words of every command that does something by itself."""
    context = click.Context(group, info_name=group.name, parent=parent)
    if group.invoke_without_command:
        yield ""
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from (f"{name} {more}" for more in commands(found, context))
        else:
            yield name


@pytest.mark.parametrize(("program", "group"), [("forgelm", forgelm), ("finetune-cli", finetune_cli)])
def test_every_command_is_shown_by_a_test_that_names_its_words(program: str, group: click.Group) -> None:
    assert sorted(SHOWN[program]) == sorted(commands(group))
    for words, test in SHOWN[program].items():
        file, _, name = test.partition("::")
        source = (TESTS / file).read_text(encoding="utf-8")
        assert f"\ndef {name}(" in source, test
        assert all(f'"{word}"' in source for word in words.split()), (words, test)
