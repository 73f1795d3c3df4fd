"""Settings come from four places, are read once, and never contradict each other in silence."""

import json
import os

import pytest

from telekeep import settings
from telekeep.errors import ConfigError
from telekeep.secret import Secret

HASH = "0123456789abcdef0123456789ABCDEF"
KNOWN = Secret(HASH.lower().encode())
STRING = "1" + "A" * 352


@pytest.fixture
def read(tmp_path):
    """Read settings from what is given: ``environ``, the text of a .env, the content of a config.json, flags."""

    def read(environ=None, dotenv=None, config=None, **flags):
        if dotenv is not None:
            (tmp_path / ".env").write_text(dotenv)
        if config is not None:
            (tmp_path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
        return settings.read(environ or {}, tmp_path / ".env", tmp_path / "config.json", flags=flags)

    return read


def test_nothing_set_is_nothing_known(read):
    assert read() == settings.Settings()


def test_each_source_is_understood(read, tmp_path):
    """X-1, 000-1, 001-4: all names, from wherever they come."""
    wanted = {"api_id": 12345, "api_hash": KNOWN, "phone": "+14155552671"}
    names = {"TELEGRAM_API_ID": "12345", "TELEGRAM_API_HASH": HASH, "TELEGRAM_PHONE": "+1 (415) 555-2671"}
    telegram = {"API_ID": 12345, "API_HASH": HASH, "PHONE_NUMBER": "0014155552671", "SESSION_FILE": "bot.session"}
    by_environment = read(names)
    by_config = read(config={"TELEGRAM_CONFIG": telegram, "OTHER": [1]})
    by_dotenv = read(config="{}", dotenv="".join(f"export {name}='{value}'\n" for name, value in names.items()))
    for found in (by_environment, by_config, by_dotenv):
        assert {name: getattr(found, name) for name in wanted} == wanted
    assert by_config.session_file == tmp_path / "bot.session"
    assert by_environment.sources["api_id"] == "TELEGRAM_API_ID in the environment"
    assert by_config.sources["phone"] == f"TELEGRAM_CONFIG.PHONE_NUMBER in {tmp_path / 'config.json'}"


@pytest.mark.parametrize("name", ["TELEGRAM_SESSION_STRING", "TELEGRAM_SESSION"])
def test_a_session_string_goes_by_either_name(read, name):
    assert read({name: STRING}).session_string == Secret(STRING.encode())


def test_sources_that_agree_are_no_conflict(read):
    found = read(
        {"TELEGRAM_API_ID": "12345", "TELEGRAM_PHONE": "+14155552671", "TELEGRAM_SESSION": STRING},
        dotenv=f"TELEGRAM_API_ID= 12345\nTELEGRAM_SESSION_STRING={STRING}\n",
        config={"TELEGRAM_CONFIG": {"API_ID": "12345", "PHONE_NUMBER": "+1 415 555 2671"}},
    )
    assert found.api_id == 12345


@pytest.mark.parametrize(
    ("environ", "dotenv", "config", "names"),
    [
        ({"TELEGRAM_API_ID": "1"}, "TELEGRAM_API_ID=2", None, ("TELEGRAM_API_ID in the environment", ".env")),
        ({}, "TELEGRAM_API_ID=2", {"TELEGRAM_CONFIG": {"API_ID": 3}}, (".env", "TELEGRAM_CONFIG.API_ID")),
        ({"TELEGRAM_API_HASH": HASH}, f"TELEGRAM_API_HASH={HASH[::-1]}", None, ("environment", ".env")),
        ({"TELEGRAM_SESSION_STRING": STRING, "TELEGRAM_SESSION": STRING + "="}, None, None, ("STRING", "SESSION in")),
        ({"TELEGRAM_SESSION_STRING": STRING}, "TELEGRAM_SESSION=other", None, ("environment", "TELEGRAM_SESSION in")),
    ],
)
def test_sources_that_differ_are_named_and_neither_wins(read, environ, dotenv, config, names):
    """001-4: a conflict between both names of the session is reported."""
    with pytest.raises(ConfigError, match="differ") as caught:
        read(environ, dotenv, config)
    assert all(name in caught.value.message for name in names)
    assert STRING[:12] not in str(caught.value)
    assert HASH[:8] not in str(caught.value)
    assert caught.value.remedy


def test_a_flag_overrides_whatever_the_rest_says(read):
    found = read({"TELEGRAM_API_ID": "1"}, "TELEGRAM_API_ID=2", None, api_id=7, phone=None)
    assert found.api_id == 7
    assert found.sources["api_id"] == "--api-id"


def test_a_name_without_a_value_is_not_set(read):
    assert read({"TELEGRAM_API_ID": ""}, "TELEGRAM_API_HASH=\nPORT=  # choose one\n").sources == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_API_ID", "0"),
        ("TELEGRAM_API_ID", "-5"),
        ("TELEGRAM_API_ID", "1.5"),
        ("TELEGRAM_API_ID", "99999999999"),
        ("TELEGRAM_API_ID", "\u0661\u0662"),
        ("TELEGRAM_API_ID", HASH),
        ("TELEGRAM_API_HASH", HASH[:-1]),
        ("TELEGRAM_API_HASH", HASH + "0"),
        ("TELEGRAM_API_HASH", "g" * 32),
        ("TELEGRAM_PHONE", "555-267"),
        ("TELEGRAM_PHONE", "0170 1234567"),
        ("TELEGRAM_PHONE", "my phone"),
        ("TELEGRAM_PHONE", "+" + "1" * 16),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("TELEKEEP_AGE_DAYS", "14,30"),
        ("TELEKEEP_AGE_DAYS", "30,14,90"),
        ("TELEKEEP_AGE_DAYS", "1,2,inf"),
        ("TELEKEEP_AGE_DAYS", "nan,2,3"),
    ],
)
def test_a_malformed_value_is_an_error_that_names_where_it_stands(read, name, value):
    with pytest.raises(ConfigError, match=f"{name} in .*env is malformed") as caught:
        read(dotenv=f"{name}={value}\n")
    assert caught.value.remedy
    assert HASH[:8] not in str(caught.value) + caught.value.remedy  # not even where the id belongs


def test_ports_and_the_age_policy_are_numbers(read):
    found = read({"PORT": "8080", "TELEKEEP_AGE_DAYS": "0.5, 7,30"})
    assert found.port == 8080
    assert found.age_days == (0.5, 7.0, 30.0)


@pytest.mark.parametrize("text", ["9996621234", "+999 662 1234", "+999-66-2.1234", "00 999 (662) 1234", "+9996621234 "])
def test_a_phone_number_is_normalised(text):
    assert settings.parse_phone(text) == "+9996621234"


def test_without_id_or_hash_the_steps_to_get_them_are_given(read):
    """001-1: my.telegram.org, log in, API development tools, create app, id and 32-character hash."""
    for found, missing in (
        (read(), "the API id and the API hash are not"),
        (read({"TELEGRAM_API_ID": "1"}), "the API hash is not"),
    ):
        with pytest.raises(ConfigError, match=missing) as caught:
            settings.require_application(found)
        for step in ("my.telegram.org/apps", "log in", "API development tools", "create an app", "32-character hash"):
            assert step in caught.value.remedy
    assert settings.require_application(read({"TELEGRAM_API_ID": "1", "TELEGRAM_API_HASH": HASH})) == (1, KNOWN)


def test_a_file_that_cannot_be_read_is_not_an_absent_one(read, tmp_path):
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigError, match="not a regular file"):
        read()


@pytest.mark.timeout(60)
def test_a_pipe_in_the_place_of_a_file_does_not_block(read, tmp_path):
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(ConfigError, match="not a regular file"):
        read()


def test_somebody_else_s_config_file_is_left_alone(read):
    assert read(config="// comments are fine here\n{'a': 1}") == settings.Settings()


@pytest.mark.parametrize(
    "config", ['{"TELEGRAM_CONFIG": {,}}', '{"TELEGRAM_CONFIG": [1]}', '["TELEGRAM_CONFIG"]', "{}{TELEGRAM_CONFIG"]
)
def test_a_config_file_of_ours_that_is_broken_is_an_error(read, config):
    with pytest.raises(ConfigError, match=r"config\.json"):
        read(config=config)


def test_a_value_of_the_wrong_kind_is_an_error(read):
    with pytest.raises(ConfigError, match="neither text nor number"):
        read(config={"TELEGRAM_CONFIG": {"API_HASH": ["x"]}})


def test_settings_show_no_secret(read):
    found = read({"TELEGRAM_API_HASH": HASH, "TELEGRAM_SESSION": STRING, "TELEGRAM_PHONE": "+14155552671"})
    assert HASH.lower()[:8] not in repr(found)
    assert STRING[:12] not in repr(found)
    assert "4155552671" not in repr(found)
