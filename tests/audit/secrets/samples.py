"""One credential of every family, made up at run time so that no scanner takes this file for a leak.

A bar is removed; ``<a36>`` stands for 36 random letters and digits, ``h`` for hex, ``u`` for capitals and digits, ``l``
for small letters and digits, ``b`` for base64, ``d`` for digits; ``<uuid>`` for a UUID.
"""

from __future__ import annotations

import random
import re
import string
import uuid

from forgelm.audit.secrets.find import find_secrets, mask_secrets

_ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "u": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "d": string.digits,
}

# Family, what it looks like in a text, and what looks nearly the same. Where the last is missing, the near miss is the
# same text with its random part cut to a quarter.
SAMPLES = (
    ("openssh_private_key", "-----BEGIN RSA PRIV|ATE KEY-----\n<b64>\n<b64>\n-----END RSA PRIV|ATE KEY-----",
     "-----BEGIN RSA PUBLIC KEY-----\n<b64>\n-----END RSA PUBLIC KEY-----"),
    ("pgp_private_key", "-----BEGIN PGP PRIV|ATE KEY BLOCK-----\n\n<b64>\n=<b4>\n-----END PGP PRIV|ATE KEY BLOCK-----",
     "-----BEGIN PGP PUBLIC KEY BLOCK-----\n<b64>\n-----END PGP PUBLIC KEY BLOCK-----"),
    ("pkcs8_private_key", "-----BEGIN PRIV|ATE KEY-----\\nMIIE<b60>\\n-----END PRIV|ATE KEY-----\\n",
     "It begins with -----BEGIN PRIV|ATE KEY----- and then goes on."),
    ("encrypted_private_key", "-----BEGIN ENCRYPTED PRIV|ATE KEY-----\n<b64>\n<b64>\n",
     "-----BEGIN ENCRYPTED PRIV|ATE KEY----- <b20>"),
    ("other_private_key",
     "-----BEGIN SSH2 ENCRYPTED PRIV|ATE KEY-----\n<b64>\n-----END SSH2 ENCRYPTED PRIV|ATE KEY-----",
     "-----BEGIN SSH2 PUBLIC KEY-----\n<b64>\n-----END SSH2 PUBLIC KEY-----"),
    ("putty_private_key",
     ("PuTTY-User-Key-|File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\n<b64>\n<b30>\n"
      "Private-Lines: 1\n<b48>\nPrivate-MAC: <h64>"),
     "PuTTY-User-Key-|File-3: ssh-ed25519\nPublic-Lines: 2\n<b64>"),
    ("age_secret_key", "AGE-SECRET-|KEY-1" + ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2)[:58], ""),
    ("wireguard_private_key", "PrivateKey = <b42>c="),
    ("aws_access_key", "AK|IA<u16>"),
    ("aws_secret_key", "aws_secret_access_key = \"<b40>\"", "commit = \"<h40>\""),
    ("aws_session_token", "aws_session_token=<b160>"),
    ("aws_bedrock_key", "AB|SK<b120>"),
    ("aws_mws_token", "amzn.|mws.<uuid>", "amzn.|mws.<h20>"),
    ("google_api_key", "AI|za<a35>"),
    ("gcp_service_account", "\"private_key_id\": \"<h40>\""),
    ("google_oauth_client_secret", "GOC|SPX-<a28>"),
    ("google_oauth_access_token", "ya|29.<a60>", "ya|29.<a9>"),
    ("google_oauth_refresh_token", "1/|/0<a60>"),
    ("firebase_cloud_messaging_key", "AAAA<a7>:APA|91b<a134>"),
    ("azure_storage_key",
     "Default|EndpointsProtocol=https;AccountName=acme;AccountKey=<b86>==;EndpointSuffix=core.windows.net"),
    ("azure_storage_account_key", "account_key: \"<b86>==\""),
    ("azure_sas_token", "https://a.blob.core.windows.net/c?sv=2022-11-02&se=2027&sig=<a43>%3D"),
    ("azure_client_secret", "a1b8Q~<a34>"),
    ("azure_devops_token", "<a76>AZ|DO<a4>", "<a30>AZDO<a4>"),
    ("azure_shared_access_key", "Endpoint=sb://x.servicebus.windows.net/;SharedAccess|Key=<b43>="),
    ("azure_ai_key", "<a52>JQQJ|99<a26>", "<a12>JQQJ99<a26>"),
    ("azure_function_key", "<a44>Az|Fu<a5>A==", "<a20>AzFu<a5>A=="),
    ("azure_container_registry_key", "<b42>+A|CR<a6>", "<b20>+ACR<a6>"),
    ("azure_cosmos_key", "AccountEndpoint=https://x.documents.azure.com:443/;AccountKey=<b86>=="),
    ("alibaba_access_key", "LT|AI<a20>"),
    ("tencent_secret_id", "AK|ID<a32>"),
    ("ibm_cloud_api_key", "ibmcloud_api_key=<a44>"),
    ("yandex_api_key", "AQ|VN<a36>"),
    ("yandex_iam_token", "t|1.<a60>.<a86>"),
    ("scaleway_access_key", "SC|W<u17>"),
    ("digitalocean_token", "dop|_v1_<h64>"),
    ("linode_token", "linode_token = <h64>"),
    ("hetzner_token", "HCLOUD_TOKEN=<a64>"),
    ("vultr_api_key", "vultr_api_key: <u36>"),
    ("ovh_application_secret", "ovh_application_secret=<a32>"),
    ("cloudflare_api_token", "CLOUDFLARE_API_TOKEN=<a40>"),
    ("cloudflare_origin_ca_key", "v1|.0-<h24>-<h146>"),
    ("fastly_api_token", "fastly_key: <a32>"),
    ("akamai_token", "client_token = akab-<l16>-<l16>"),
    ("heroku_api_key", "HEROKU_API_KEY=<uuid>", "HEROKU_API_KEY=<h8>"),
    ("heroku_platform_key", "HR|KU-AA<a58>"),
    ("fly_io_token", "fo1|_<a43>"),
    ("netlify_token", "nf|p_<a36>"),
    ("vercel_token", "vc|p_<a40>"),
    ("vercel_legacy_token", "VERCEL_TOKEN=<a24>"),
    ("render_api_key", "rn|d_<a32>"),
    ("railway_token", "RAILWAY_TOKEN=<uuid>", "RAILWAY_TOKEN=<h8>"),
    ("planetscale_token", "pscale_|tkn_<a43>"),
    ("supabase_token", "sb|p_<h40>"),
    ("neon_api_key", "na|pi_<l64>"),
    ("mongodb_atlas_key", "MONGODB_ATLAS_PRIVATE_KEY=<uuid>", "MONGODB_ATLAS_PRIVATE_KEY=<h8>"),
    ("confluent_secret", "confluent.api.secret=<b64>"),
    ("elastic_api_key", "elastic_api_key: <a20>:<a22>"),
    ("databricks_token", "da|pi<h32>"),
    ("snowflake_token", "ver:1-|hint:4242424242-ETMsDgAAA<b80>", "ver:1-hint:4242424242-ETMs"),
    ("hashicorp_vault_token", "hv|s.<a24>"),
    ("terraform_cloud_token", "<a14>.atlas|v1.<a64>"),
    ("pulumi_token", "pu|l-<h40>"),
    ("doppler_token", "dp.|pt.<a43>"),
    ("infisical_token", "st|.<h24>.<h32>.<h32>"),
    ("onepassword_service_token", "ops_|eyJ<b240>"),
    ("onepassword_secret_key", "A|3-<u6>-<u6>-<u5>-<u5>-<u5>-<u5>"),
    ("tailscale_key", "tskey-|auth-<a12>-<a32>"),
    ("ngrok_token", "NGROK_AUTHTOKEN=2<a26>_<a22>"),
    ("teleport_token", "teleport auth token: <h32>"),
    ("kubernetes_bootstrap_token", "kubeadm join --token abcdef.<l12>7a3b", "kubeadm join --token abc.<l16>"),
    ("github_token", "gh|p_<a36>"),
    ("gitlab_token", "gl|pat-<a20>"),
    ("gitlab_runner_token", "gl|rt-<a20>"),
    ("gitlab_deploy_token", "gl|dt-<a20>"),
    ("gitlab_trigger_token", "gl|ptt-<h40>"),
    ("gitlab_job_token", "gl|cbt-<a24>"),
    ("gitlab_oauth_secret", "gl|oas-<h64>"),
    ("gitlab_agent_token", "gl|agent-<a50>"),
    ("gitlab_feed_token", "gl|ft-<a20>"),
    ("bitbucket_app_password", "AT|BB<a32>"),
    ("bitbucket_access_token", "ATCTT|3xFfG<a180>=<u8>"),
    ("atlassian_api_token", "ATATT|3xFfG<a180>=<u8>"),
    ("gitea_token", "gitea_token=<h40>"),
    ("sourcegraph_token", "sg|p_<h16>_<h40>"),
    ("npm_token", "np|m_<a36>"),
    ("pypi_token", "py|pi-AgEIcHlwaS5vcmc<a80>", "pypi-AgEIcHlw<a20>"),
    ("rubygems_token", "ruby|gems_<h48>"),
    ("crates_io_token", "ci|o7<a31>"),
    ("nuget_api_key", "oy|2<l43>"),
    ("docker_hub_token", "dckr_|pat_<a27>"),
    ("clojars_token", "CLOJ|ARS_<l60>"),
    ("artifactory_api_key", "AK|Cp<a69>"),
    ("artifactory_reference_token", "cmVm|dGtu<a56>"),
    ("packagist_token", "packagist_|out_<h68>"),
    ("circleci_token", "CCI|PAT_<a22>_<h40>"),
    ("buildkite_token", "bk|ua_<h40>"),
    ("codecov_token", "CODECOV_TOKEN=<uuid>", "CODECOV_TOKEN=<h8>"),
    ("travis_token", "travis_token: <a22>"),
    ("drone_ci_token", "DRONE_TOKEN=<a32>"),
    ("jenkins_token", "jenkins_token=11<h32>"),
    ("harness_token", "pa|t.<a22>.<h24>.<a20>"),
    ("octopus_deploy_key", "AP|I-<u26>"),
    ("sonar_token", "sq|p_<h40>"),
    ("snyk_token", "SNYK_TOKEN=<uuid>", "SNYK_TOKEN=<h8>"),
    ("coveralls_token", "coveralls_repo_token: <a32>"),
    ("prefect_token", "pn|u_<a36>"),
    ("datadog_api_key", "DATADOG_API_KEY=<h32>"),
    ("newrelic_key", "NR|AK-<u27>"),
    ("sentry_token", "sntr|ys_<a80>"),
    ("sentry_dsn", "https://<h32>@o1.ingest.sentry.io/42"),
    ("grafana_token", "gl|sa_<a32>_<h8>"),
    ("dynatrace_token", "dt|0c01.<u24>.<u64>"),
    ("honeycomb_key", "hc|aik_<a58>"),
    ("pagerduty_key", "pagerduty_api_key = u+<a18>"),
    ("opsgenie_key", "OPSGENIE_API_KEY=<uuid>", "OPSGENIE_API_KEY=<h8>"),
    ("rollbar_token", "rollbar_access_token: <h32>"),
    ("bugsnag_key", "bugsnag_api_key: <h32>"),
    ("sumologic_key", "sumologic_access_key=<a64>"),
    ("splunk_token", "splunk_hec_token=<uuid>", "splunk_hec_token=<h8>"),
    ("launchdarkly_key", "sd|k-<uuid>", "sdk-<h8>-<h4>"),
    ("statuspage_key", "statuspage_api_key=<uuid>", "statuspage_api_key=<h8>"),
    ("postman_key", "PM|AK-<h24>-<h34>"),
    ("readme_key", "rd|me_<l70>"),
    ("infracost_key", "ic|o-<a32>"),
    ("anthropic_api_key", "sk-|ant-api03-<a93>AA"),
    ("openrouter_api_key", "sk-|or-v1-<h64>"),
    ("langfuse_key", "sk-|lf-<uuid>", "sk-lf-<h8>"),
    ("openai_api_key", "sk-|proj-9<a48>", "sk-|ipping-stones-over-the-water-again"),
    ("huggingface_token", "hf|_<a34>"),
    ("replicate_token", "r|8_<a37>"),
    ("groq_api_key", "gs|k_<a52>"),
    ("perplexity_api_key", "pp|lx-<a48>"),
    ("xai_api_key", "xa|i-<a80>"),
    ("cohere_api_key", "COHERE_API_KEY=<a40>"),
    ("mistral_api_key", "MISTRAL_API_KEY=<a32>"),
    ("together_api_key", "TOGETHER_API_KEY=<h64>"),
    ("fireworks_api_key", "fw|_<a24>"),
    ("cerebras_api_key", "cs|k-<l48>"),
    ("nvidia_api_key", "nv|api-<a64>"),
    ("jina_api_key", "ji|na_<a60>"),
    ("voyage_api_key", "p|a-42<a41>"),
    ("tavily_api_key", "tv|ly-dev-<a32>"),
    ("firecrawl_api_key", "f|c-<h32>"),
    ("pinecone_api_key", "pc|sk_<a6>_<a60>"),
    ("langsmith_api_key", "lsv|2_pt_<h32>_<h10>"),
    ("wandb_api_key", "WANDB_API_KEY=<h40>"),
    ("elevenlabs_api_key", "ELEVENLABS_API_KEY=sk|_<h48>"),
    ("assemblyai_api_key", "assemblyai_key: <h32>"),
    ("deepgram_api_key", "DEEPGRAM_API_KEY=<h40>"),
    ("kaggle_key", "KAGGLE_KEY=<h32>"),
    ("clearml_key", "clearml_access_key=<u20>"),
    ("slack_token", "xo|xb-<d12>-<d12>-<a24>", "xo|xb-<a4>"),
    ("slack_app_token", "xa|pp-1-A<u10>-<d13>-<h64>"),
    ("slack_webhook", "https://hooks.|slack.com/services/T<u8>/B<u8>/<a24>", "https://hooks.slack.com/services/T<u8>"),
    ("discord_bot_token", "M<a23>.<a6>.<a27>"),
    ("discord_webhook", "https://discord.com/api/|webhooks/<d18>/<a68>"),
    ("telegram_bot_token", "<d10>:A|A<a33>"),
    ("teams_webhook", "https://acme.webhook.|office.com/webhookb2/<uuid>@<uuid>/IncomingWebhook/<h32>/<uuid>",
     "https://acme.webhook.office.com/webhookb2/<uuid>"),
    ("twilio_api_key", "S|K<h32>"),
    ("twilio_auth_token", "twilio_auth_token=<h32>"),
    ("sendgrid_api_key", "S|G.<a22>.<a43>"),
    ("mailgun_api_key", "key-|<h32>"),
    ("mailchimp_api_key", "<h32>-us12"),
    ("mandrill_api_key", "m|d-42<a20>"),
    ("brevo_api_key", "xkey|sib-<h64>-<a16>"),
    ("resend_api_key", "re|_<a8>_<a24>"),
    ("postmark_token", "postmark_server_token=<uuid>", "postmark_server_token=<h8>"),
    ("sparkpost_key", "sparkpost_key=<h40>"),
    ("vonage_secret", "NEXMO_API_SECRET=<a14>4Z"),
    ("messagebird_key", "messagebird_key=<a25>"),
    ("intercom_token", "intercom_token=<a60>"),
    ("line_channel_token", "LINE_CHANNEL_ACCESS_TOKEN=<b170>="),
    ("stripe_key", "s|k_live_<a24>", "s|k_live_<a8>"),
    ("stripe_webhook_secret", "wh|sec_<a32>"),
    ("square_token", "sq0|atp-<a22>"),
    ("shopify_token", "shp|at_<h32>"),
    ("paypal_braintree_token", "access_|token$production$<l16>$<h32>"),
    ("razorpay_key", "rz|p_live_<a14>"),
    ("flutterwave_key", "FLWS|ECK-<a32>-X"),
    ("plaid_token", "access-|sandbox-<uuid>", "access-sandbox-<h8>"),
    ("adyen_key", "adyen_api_key=AQEy<b80>"),
    ("paddle_key", "pd|l_live_apikey_<l26>_<a22>_<a3>", "pdl_live_apikey_<l6>"),
    ("gocardless_token", "li|ve_42<a38>"),
    ("shippo_token", "shi|ppo_live_<h40>"),
    ("easypost_key", "EZ|AK<a54>"),
    ("duffel_token", "duf|fel_test_<a43>"),
    ("coinbase_secret", "coinbase_api_secret=<a64>"),
    ("binance_secret", "BINANCE_SECRET=<a64>"),
    ("linear_token", "lin|_api_<a40>"),
    ("notion_token", "nt|n_<d11><a35>"),
    ("figma_token", "fig|d_<a43>"),
    ("dropbox_token", "s|l.<a130>"),
    ("okta_token", "OKTA_API_TOKEN=00<a40>"),
    ("auth0_client_secret", "AUTH0_CLIENT_SECRET=<a64>"),
    ("asana_token", "1/<d16>:<h32>"),
    ("airtable_token", "pa|t<a14>.<h64>"),
    ("airtable_api_key", "AIRTABLE_API_KEY=key<a14>"),
    ("hubspot_token", "pa|t-na1-<uuid>", "pat-na1-<h8>"),
    ("salesforce_token", "00|D<a15>!<a100>"),
    ("clickup_token", "p|k_<d8>_<u32>"),
    ("trello_token", "trello_token=ATTA<h64><a8>", "trello_token=ATTA<h16>"),
    ("zendesk_token", "zendesk_api_token=<a40>"),
    ("freshdesk_key", "freshdesk_api_key=<a20>"),
    ("typeform_token", "tf|p_<a44>"),
    ("contentful_token", "CF|PAT-<a43>"),
    ("algolia_key", "ALGOLIA_API_KEY=<h32>"),
    ("mapbox_token", "s|k.eyJ1|Ijoi<a60>.<a22>"),
    ("posthog_key", "ph|x_<a43>"),
    ("segment_key", "segment_write_key=<a32>"),
    ("frameio_token", "fio-|u-<a64>"),
    ("facebook_token", "EA|A<a150>"),
    ("facebook_app_secret", "facebook_app_secret=<h32>"),
    ("instagram_token", "IG|QV<a150>"),
    ("twitter_bearer_token", "A" * 21 + "<a80>"),
    ("twitter_secret", "TWITTER_ACCESS_SECRET=<a45>"),
    ("linkedin_client_secret", "linkedin_client_secret=<a14>4Z"),
    ("spotify_client_secret", "SPOTIFY_CLIENT_SECRET=<h32>"),
    ("twitch_token", "twitch_oauth=<l30>"),
    ("vk_token", "vk|1.a.<a90>"),
    ("steam_api_key", "STEAM_API_KEY=0123456789ABCDEF0123456789ABCDEF", "STEAM_API_KEY=0123456789ABCDEF"),
    ("rapidapi_key", "rapidapi_key=<h10>msh<h15>p<h6>jsn<h12>"),
    ("openweather_key", "openweather_api_key=<h32>"),
    ("jwt", "eyJhbGciOiJIUzI1|NiJ9.eyJzdWIiOiI0MiJ9.<a43>", "eyJzdWIiOiI0MiJ9.eyJzdWIiOiI0MiJ9.<a43>"),
    ("database_url", "postgresql+asyncpg://svc:<a12>@db.internal:5432/app",
     "postgresql://svc:${DB_PASSWORD}@db.internal/app"),
    ("basic_auth_url", "https://deploy:<a12>@example.org/repo.git", "https://example.org:8080/a@b"),
    ("basic_auth_header", "Authorization: Basic <a20>==", "Authorization: Basic auth"),
    ("bearer_header", "'Authorization': 'Bearer <a40>'", "Authorization: Bearer YOUR_TOKEN_GOES_HERE_1"),
    ("netrc_password", "machine example.org login bob password <a10>", "machine learning login page password reset"),
    ("docker_registry_auth", "\"auth\": \"<b40>=\""),
    ("npmrc_auth_token", "//registry.example.org/:_auth|Token=<a24>"),
    ("ansible_vault", "$ANSIBLE_|VAULT;1.1;AES256\n<h80>\n<h80>", "$ANSIBLE_VAULT;1.1;AES256\n<h9>"),
    ("crypt_hash", "$6$<a16>$<a86>", "it costs $6$ and <a9>"),
    ("generic_secret", "INTERNAL_API_KEY = '<a32>'", "INTERNAL_API_KEY = 'your-api-key-goes-here'"),
)  # fmt: skip

BY_KIND = {row[0]: row for row in SAMPLES}


def sample(template: str, seed: int = 0) -> str:
    """Fill ``template``; the same seed gives the same text."""
    source = random.Random(f"{template}{seed}")

    def part(match: re.Match[str]) -> str:
        if match[0] == "<uuid>":
            return str(uuid.UUID(int=source.getrandbits(128), version=4))
        return "".join(source.choices(_ALPHABETS[match[1]], k=int(match[2])))

    return re.sub(r"<(?:uuid|([ahulbd])([0-9]+))>", part, template.replace("|", ""))


def near_miss(template: str, given: str | None = None) -> str:
    """Return the text that looks nearly the same: ``given``, or ``template`` with its longest random part cut."""
    if given is not None:
        return sample(given or template[:-9])
    lengths = [int(size) for size in re.findall(r"<[ahulbd]([0-9]+)>", template)]
    return sample(template.replace(f"{max(lengths)}>", f"{max(lengths) // 4}>"))


def text_with(kind: str, seed: int) -> str:
    return f"use this: {sample(BY_KIND[kind][1], seed)} , thanks"


def text_almost_with(kind: str) -> str:
    _, template, *given = BY_KIND[kind]
    return f"use this: {near_miss(template, given[0] if given else None)} , thanks"


def check_found(kind: str) -> None:
    """Every sample of ``kind`` is one finding under its name, hidden by its preview and gone after masking."""
    for seed in range(5):
        text = text_with(kind, seed)
        (finding,) = find_secrets(text)
        assert (finding.kind, finding.severity) == (kind, "critical"), text
        value = text[slice(*finding.span)]
        assert finding.text_preview[4:] not in value
        assert value not in mask_secrets(text)


def check_near_miss(kind: str) -> None:
    """What nearly looks like ``kind`` is not found under that name."""
    text = text_almost_with(kind)
    assert kind not in [finding.kind for finding in find_secrets(text)], text
