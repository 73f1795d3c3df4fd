"""help.*: what a client asks before it knows who it is."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, handles
from telekeep.emulator.world.chat import LARGEST
from telekeep.emulator.world.post import LONGEST, LONGEST_CAPTION
from telekeep.mtproto.schema import build, functions, types

_HOUR = 3600

# Figures that Telegram sends; no rule of the emulator hangs on them.
_FIGURES = {
    "megagroup_size_max": 200_000,
    "forwarded_count_max": 100,
    "online_update_period_ms": 210_000,
    "offline_blur_timeout_ms": 5_000,
    "offline_idle_timeout_ms": 30_000,
    "online_cloud_timeout_ms": 300_000,
    "notify_cloud_delay_ms": 30_000,
    "notify_default_delay_ms": 1_500,
    "push_chat_period_ms": 60_000,
    "push_chat_limit": 2,
    "edit_time_limit": 172_800,
    "revoke_time_limit": 2_147_483_647,
    "revoke_pm_time_limit": 2_147_483_647,
    "rating_e_decay": 2_419_200,
    "stickers_recent_limit": 200,
    "channels_read_media_period": 604_800,
    "call_receive_timeout_ms": 20_000,
    "call_ring_timeout_ms": 90_000,
    "call_connect_timeout_ms": 30_000,
    "call_packet_timeout_ms": 10_000,
}


@handles(functions.help.GetConfigRequest, authorized=False)
def get_config(call: Call, request: Any) -> Any:
    """No ``tmp_sessions``: one main connection for each authorization is all this server allows."""
    now = call.world.now
    options = [
        types.DcOption(id=each.dc_id, ip_address=each.host, port=each.port, media_only=each.media or None)
        for each in call.telegram.network.addresses
    ]
    return build(
        types.Config,
        date=now,
        expires=now + _HOUR,
        test_mode=False,
        this_dc=call.dc_id,
        dc_options=options,
        dc_txt_domain_name="emulator.invalid",
        me_url_prefix="https://t.me/",
        chat_size_max=LARGEST,
        message_length_max=LONGEST,
        caption_length_max=LONGEST_CAPTION,
        webfile_dc_id=call.telegram.home_dc,
        **_FIGURES,
    )


@handles(functions.help.GetNearestDcRequest, authorized=False)
def get_nearest_dc(call: Call, request: Any) -> Any:
    return types.NearestDc(country="ZZ", this_dc=call.dc_id, nearest_dc=call.telegram.home_dc)


@handles(functions.help.GetAppConfigRequest, authorized=False)
def get_app_config(call: Call, request: Any) -> Any:
    return types.help.AppConfig(hash=1, config=types.JsonObject(value=[]))


@handles(functions.help.GetTermsOfServiceUpdateRequest)
def get_terms_of_service_update(call: Call, request: Any) -> Any:
    return types.help.TermsOfServiceUpdateEmpty(expires=call.world.now + _HOUR)


@handles(functions.help.GetPromoDataRequest)
def get_promo_data(call: Call, request: Any) -> Any:
    return types.help.PromoDataEmpty(expires=call.world.now + _HOUR)


@handles(functions.help.GetInviteTextRequest)
def get_invite_text(call: Call, request: Any) -> Any:
    return types.help.InviteText(message="Join me on the emulator.")
