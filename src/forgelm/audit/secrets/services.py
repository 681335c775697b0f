"""Credentials of model providers, messaging, payment and other services."""

from __future__ import annotations

from forgelm.audit.secrets.entropy import is_no_filler
from forgelm.audit.secrets.shapes import UUID, named, token

_LONG_RUN = "(?![A-Za-z0-9_-])"


def _is_openai(value: str) -> bool:
    """Whether it is no other vendor's, holds a digit and a long part, and is no filler."""
    is_own = not value.startswith(("sk-ant-", "sk-or-"))
    return is_own and is_no_filler(value) and any(map(str.isdigit, value)) and max(map(len, value[3:].split("-"))) >= 16


MODELS = (
    # A vendor's own longer prefix comes first: "sk-" alone is the weakest of them.
    token("anthropic_api_key", "sk-ant-[A-Za-z0-9]{2,10}-[A-Za-z0-9_-]{60,}", "sk-ant-", right=""),
    token("openrouter_api_key", "sk-or-v1-[0-9a-f]{64}", "sk-or-v1-"),
    token("langfuse_key", f"[sp]k-lf-{UUID}", "k-lf-"),
    token("openai_api_key", "sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,}", "sk-", right="",
          check=_is_openai),
    token("huggingface_token", "hf_[A-Za-z]{34}|hf_[A-Za-z0-9]{30,40}|api_org_[A-Za-z0-9]{34}", "hf_", "api_org_"),
    token("replicate_token", "r8_[A-Za-z0-9]{37}", "r8_"),
    token("groq_api_key", "gsk_[A-Za-z0-9]{52}", "gsk_"),
    token("perplexity_api_key", "pplx-[A-Za-z0-9]{48,}", "pplx-", right=""),
    token("xai_api_key", "xai-[A-Za-z0-9]{80}", "xai-"),
    named("cohere_api_key", "cohere|co_api_key", "[A-Za-z0-9]{40}"),
    named("mistral_api_key", "mistral", "[A-Za-z0-9]{32}"),
    named("together_api_key", "together", "[0-9a-f]{64}|tgp_v1_[A-Za-z0-9_-]{43}", right=_LONG_RUN),
    token("fireworks_api_key", "fw_[A-Za-z0-9]{24,32}", "fw_"),
    token("cerebras_api_key", "csk-[a-z0-9]{48}", "csk-"),
    token("nvidia_api_key", "nvapi-[A-Za-z0-9_-]{60,70}", "nvapi-", right=_LONG_RUN),
    token("jina_api_key", "jina_[A-Za-z0-9_-]{60}", "jina_", right=_LONG_RUN),
    token("voyage_api_key", "pa-[A-Za-z0-9_-]{43}", "pa-", right=_LONG_RUN, check=lambda value: sum(map(str.isdigit,
          value)) >= 2),
    token("tavily_api_key", "tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", "tvly-"),
    token("firecrawl_api_key", "fc-[0-9a-f]{32}", "fc-"),
    token("pinecone_api_key", "pcsk_[A-Za-z0-9]{5,8}_[A-Za-z0-9]{55,70}", "pcsk_"),
    token("langsmith_api_key", "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", "lsv2_"),
    named("wandb_api_key", "wandb", "[0-9a-f]{40}"),
    named("elevenlabs_api_key", "elevenlabs|xi-api-key|eleven_labs", "sk_[0-9a-f]{48}|[0-9a-f]{32}"),
    named("assemblyai_api_key", "assemblyai|assembly_ai", "[0-9a-f]{32}"),
    named("deepgram_api_key", "deepgram", "[0-9a-f]{40}"),
    named("kaggle_key", "kaggle", "[0-9a-f]{32}"),
    named("clearml_key", "clearml", "[A-Z0-9]{20}|[A-Za-z0-9]{50}"),
)  # fmt: skip

MESSAGING = (
    token("slack_token", "xox[abeoprs]-[A-Za-z0-9-]{10,}", "xox", right="", clue="xox[abeoprs]-"),
    token("slack_app_token", "xapp-[0-9]-[A-Z0-9]{6,20}-[0-9]{8,20}-[0-9a-f]{32,}", "xapp-", right=""),
    token("slack_webhook", "https://hooks\\.slack\\.com/(?:services/T[A-Z0-9]{6,14}/B[A-Z0-9]{6,14}/[A-Za-z0-9]{20,}|"
          "(?:workflows|triggers)/[A-Za-z0-9/]{40,})", "hooks.slack.com", right="",
          hint="hooks\\.slack\\.com/[a-z]{6}"),
    token("discord_bot_token", "[MNO][A-Za-z0-9_-]{23,25}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}", ".",
          right=_LONG_RUN,
          hint="\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27}"),
    token("discord_webhook",
          "https://(?:(?:canary|ptb)\\.)?discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,}",
          "/api/webhooks/", right="", hint="/api/webhooks/[0-9]{17}"),
    token("telegram_bot_token", "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}", ":aa", right=_LONG_RUN,
          hint="[0-9]:AA[A-Za-z0-9_-]{33}"),
    token("teams_webhook",
          f"https://[a-z0-9-]{{1,40}}\\.webhook\\.office\\.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/[0-9a-f]{{32}}/{UUID}",
          "webhook.office.com", right="", hint="\\.webhook\\.office\\.com/webhookb2/"),
    token("twilio_api_key", "SK[0-9a-f]{32}", "sk"),
    named("twilio_auth_token", "twilio", "[0-9a-f]{32}"),
    token("sendgrid_api_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "sg.", right=_LONG_RUN),
    token("mailgun_api_key", "key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}", "-",
          hint="key-[0-9a-f]{32}|-[0-9a-f]{8}-[0-9a-f]{8}"),
    token("mailchimp_api_key", "[0-9a-f]{32}-us[0-9]{1,2}", "-us", hint="[0-9a-f]-us[0-9]"),
    token("mandrill_api_key", "md-[A-Za-z0-9_-]{22}", "md-", right=_LONG_RUN, check=lambda value: sum(map(str.isdigit,
          value)) >= 2),
    token("brevo_api_key", "x(?:keysib|smtpsib)-[0-9a-f]{64}-[A-Za-z0-9]{16}", "sib-"),
    token("resend_api_key", "re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}", "re_"),
    named("postmark_token", "postmark", UUID),
    named("sparkpost_key", "sparkpost", "[0-9a-f]{40}"),
    named("vonage_secret", "nexmo|vonage", "[A-Za-z0-9]{16}"),
    named("messagebird_key", "messagebird", "[A-Za-z0-9]{25}"),
    named("intercom_token", "intercom", "[A-Za-z0-9=_+/-]{60}", right=""),
    token("line_channel_token",
          "(?i:line_[a-z_]{0,24}token)[\"']?[ \\t]{0,4}[=:][ \\t]{0,4}[\"']?(?P<value>[A-Za-z0-9+/=]{100,})", "line_",
          right="", hint="(?i:line_[a-z_]{0,24}token)"),
)  # fmt: skip

PAYMENT = (
    token("stripe_key", "(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}", "k_live_", "k_test_", right=""),
    token("stripe_webhook_secret", "whsec_[A-Za-z0-9+/]{32,}={0,2}", "whsec_", right="",
          hint="whsec_[A-Za-z0-9+/]{32}"),
    token("square_token", "EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}", "eaaa", "sq0",
          right=_LONG_RUN),
    token("shopify_token", "shp(?:at|ca|pa|ss|tka|ua)_[A-Fa-f0-9]{32}", "shp"),
    token("paypal_braintree_token", r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}",
          "access_token$"),
    token("razorpay_key", "rzp_(?:live|test)_[A-Za-z0-9]{14}", "rzp_"),
    token("flutterwave_key", "FLW(?:SECK|PUBK)(?:_TEST)?-[0-9A-Za-z]{32}-X|FLWSECK_TEST[A-Za-z0-9]{12}", "flw"),
    token("plaid_token", f"access-(?:sandbox|development|production)-{UUID}", "access-"),
    named("adyen_key", "adyen", "AQE[a-z][A-Za-z0-9+/=]{60,}", right=""),
    token("paddle_key", "pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}", "pdl_"),
    token("gocardless_token", "(?:live|sandbox)_[A-Za-z0-9_-]{40}", "live_", "sandbox_", right=_LONG_RUN,
          check=lambda value: sum(map(str.isdigit, value)) >= 2),
    token("shippo_token", "shippo_(?:live|test)_[0-9a-f]{40}", "shippo_"),
    token("easypost_key", "EZ[AT]K[A-Za-z0-9]{54}", "ezak", "eztk"),
    token("duffel_token", "duffel_(?:test|live)_[A-Za-z0-9_=-]{43}", "duffel_", right=_LONG_RUN),
    named("coinbase_secret", "coinbase", "[A-Za-z0-9_-]{64}"),
    named("binance_secret", "binance", "[A-Za-z0-9]{64}"),
)  # fmt: skip

SOFTWARE = (
    token("linear_token", "lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,}", "lin_", right=""),
    token("notion_token", "ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43}", "ntn_", "secret_"),
    token("figma_token", "fig(?:d|o|oh|ur|uh)_[A-Za-z0-9_-]{40,}", "fig", right=""),
    token("dropbox_token", r"sl\.(?:u\.)?[A-Za-z0-9_-]{60,}", "sl.", right=""),
    named("okta_token", "okta|SSWS", "00[A-Za-z0-9_-]{40}", right=_LONG_RUN),
    named("auth0_client_secret", "auth0", "[A-Za-z0-9_-]{64}", right=_LONG_RUN),
    token("asana_token", "[0-2]/[0-9]{16}(?:/[0-9]{16})?:[0-9a-f]{32}", ":"),
    token("airtable_token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat"),
    named("airtable_api_key", "airtable", "key[A-Za-z0-9]{14}"),
    token("hubspot_token", f"pat-(?:na|eu|ap)[0-9]-{UUID}", "pat-"),
    token("salesforce_token", r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{90,}", "00d", right=""),
    token("clickup_token", "pk_[0-9]{5,9}_[A-Z0-9]{32}", "pk_"),
    named("trello_token", "trello", "ATTA[0-9a-f]{64}[A-Za-z0-9]{8}|[0-9a-f]{32}|[0-9a-f]{64}"),
    named("zendesk_token", "zendesk", "[A-Za-z0-9]{40}"),
    named("freshdesk_key", "freshdesk|freshbooks", "[A-Za-z0-9]{20}|[0-9a-f]{64}"),
    token("typeform_token", "tfp_[A-Za-z0-9_.=-]{44,60}", "tfp_", right=_LONG_RUN),
    token("contentful_token", "CFPAT-[A-Za-z0-9_-]{43}", "cfpat-", right=_LONG_RUN),
    named("algolia_key", "algolia", "[0-9a-f]{32}"),
    token("mapbox_token", r"[sp]k\.eyJ1Ijoi[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{22}", "k.eyj1ijoi", right=_LONG_RUN,
          hint=r"k\.eyJ1Ijoi"),
    token("posthog_key", "ph[cx]_[A-Za-z0-9]{40,}", "phc_", "phx_", right=""),
    named("segment_key", "segment", "[A-Za-z0-9]{32}"),
    token("frameio_token", "fio-u-[A-Za-z0-9_=-]{64}", "fio-u-", right=_LONG_RUN),
    token("facebook_token", "EAA[A-Za-z0-9]{100,}", "eaa", right=""),
    named("facebook_app_secret", "facebook|fb_app", "[0-9a-f]{32}"),
    token("instagram_token", "IG(?:QV|QW|AA)[A-Za-z0-9_-]{100,}", "igq", "igaa", right=""),
    token("twitter_bearer_token", "AAAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{60,}", "aaaaaaaaaaaaaaaaaaaaa", right="",
          check=lambda value: len(set(value)) > 12),
    named("twitter_secret", "twitter", "[A-Za-z0-9]{45}|[A-Za-z0-9]{50}|[0-9]{15,20}-[A-Za-z0-9]{40}"),
    named("linkedin_client_secret", "linkedin", "[A-Za-z0-9]{16}"),
    named("spotify_client_secret", "spotify", "[0-9a-f]{32}"),
    named("twitch_token", "twitch", "[a-z0-9]{30}"),
    token("vk_token", r"vk1\.a\.[A-Za-z0-9_-]{60,}", "vk1.a.", right=""),
    named("steam_api_key", "steam", "[0-9A-F]{32}"),
    named("rapidapi_key", "rapidapi", "[0-9a-f]{10}msh[0-9a-f]{15}p[0-9a-f]{6}jsn[0-9a-f]{12}"),
    named("openweather_key", "openweather|weather_api", "[0-9a-f]{32}"),
)  # fmt: skip

SERVICES = MODELS + MESSAGING + PAYMENT + SOFTWARE
