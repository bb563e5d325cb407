//! S1: clouds, hosts and databases.

use super::{Rule, rule};
use crate::secrets::check::Check::{Chance, CrcHexLittle, JsonAfter};

pub(super) const RULES: &[Rule] = &[
    rule(
        "aws-access-key-id",
        "AWS access key id",
        &["AKIA{216}", "ASIA{216}", "ABIA{216}", "ACCA{216}"],
        Chance,
    ),
    rule(
        "aws-bedrock-key",
        "Amazon Bedrock API key",
        &[
            "ABSKQmVkcm9ja0FQSUtleS{e90-140}",
            "bedrock-api-key-YmVkcm9jay{e60-1500}",
        ],
        Chance,
    ),
    rule(
        "aws-mws-token",
        "Amazon MWS token",
        &["amzn.mws.{h8}-{h4}-{h4}-{h4}-{h12}"],
        Chance,
    ),
    rule("google-api-key", "Google API key", &["AIza{w35}"], Chance),
    rule(
        "google-oauth-secret",
        "Google OAuth client secret",
        &["GOCSPX-{w28}"],
        Chance,
    ),
    rule(
        "google-oauth-token",
        "Google OAuth access token",
        &["ya29.{w60-400}"],
        Chance,
    ),
    rule(
        "azure-storage-key",
        "Azure storage account key",
        &[
            "AccountKey=<{b86}==>",
            "accountkey=<{b86}==>",
            "SharedAccessKey=<{b43}=>",
        ],
        Chance,
    ),
    rule(
        "azure-sas",
        "Azure shared access signature",
        &["&sig=<{b20}%2B{a10-60}%3D>", "&sig=<{a43}%3D>"],
        Chance,
    ),
    rule(
        "digitalocean-token",
        "DigitalOcean token",
        &["dop_v1_{h64}", "doo_v1_{h64}", "dor_v1_{h64}"],
        Chance,
    ),
    rule(
        "alibaba-access-key-id",
        "Alibaba Cloud access key id",
        &["LTAI{a20}", "LTAI{a12}"],
        Chance,
    ),
    rule(
        "tencent-secret-id",
        "Tencent Cloud secret id",
        &["AKID{a32}"],
        Chance,
    ),
    rule("yandex-token", "Yandex Cloud API key", &["AQVN{w35-38}"], Chance),
    rule(
        "heroku-key",
        "Heroku API key",
        &["HRKU-AA{w58}", "HRKU-{h8}-{h4}-{h4}-{h4}-{h12}"],
        Chance,
    ),
    rule(
        "fly-token",
        "Fly.io token",
        &["fo1_{w43}", "FlyV1 fm1r_{e100-1200}", "FlyV1 fm2_{e100-1200}"],
        Chance,
    ),
    rule(
        "netlify-token",
        "Netlify token",
        &["nfp_{a36}", "nfp_{a40}"],
        Chance,
    ),
    rule(
        "vercel-token",
        "Vercel token",
        &["vcp_{a56}", "vck_{a56}", "vercel_blob_rw_{a16}_{a30}"],
        Chance,
    ),
    rule(
        "supabase-token",
        "Supabase token",
        &["sbp_{h40}", "sb_secret_{w31}"],
        Chance,
    ),
    rule(
        "planetscale-token",
        "PlanetScale token",
        &[
            "pscale_tkn_{t32-64}",
            "pscale_pw_{t32-64}",
            "pscale_oauth_{t32-64}",
        ],
        Chance,
    ),
    rule("neon-key", "Neon API key", &["napi_{l64}"], Chance),
    rule(
        "databricks-token",
        "Databricks token",
        &["dapi{h32}", "dapi{h32}-{d1}", "dose{h32}"],
        Chance,
    ),
    rule(
        "cloudflare-origin-key",
        "Cloudflare origin CA key",
        &["v1.0-{h24}-{h146}"],
        Chance,
    ),
    rule(
        "cloudflare-token",
        "Cloudflare API token",
        &["cfut_{a48}", "cfat_{a48}", "cfk_{a48}"],
        Chance,
    ),
    rule(
        "scaleway-access-key",
        "Scaleway access key",
        &["SCW{u17}"],
        Chance,
    ),
    rule(
        "linode-token",
        "Akamai access token",
        &["akab-{l16}-{l16}"],
        Chance,
    ),
    rule(
        "grafana-service-token",
        "Grafana service account token",
        &["glsa_{a32}_{h8}"],
        CrcHexLittle,
    ),
    rule(
        "grafana-cloud-token",
        "Grafana Cloud token",
        &["glc_eyJ{e60-400}"],
        JsonAfter(4),
    ),
    rule(
        "new-relic-key",
        "New Relic key",
        &["NRAK-{u27}", "NRII-{w32}", "NRAA-{h27}"],
        Chance,
    ),
    rule(
        "dynatrace-token",
        "Dynatrace token",
        &["dt0c01.{224}.{264}", "dt0s16.{u8}.{u64}"],
        Chance,
    ),
    rule(
        "pagerduty-token",
        "PagerDuty token",
        &["pdus+_{w20}_{h8}-{h4}-{h4}-{h4}-{h12}"],
        Chance,
    ),
    rule("confluent-key", "Confluent Cloud secret", &["cflt{b60}"], Chance),
    rule(
        "tailscale-key",
        "Tailscale key",
        &[
            "tskey-auth-{a11-20}-{a20-40}",
            "tskey-api-{a11-20}-{a20-40}",
            "tskey-client-{a11-20}-{a20-40}",
        ],
        Chance,
    ),
    rule(
        "openvsx-token",
        "Open VSX token",
        &[
            "ovsxat_{h8}-{h4}-{h4}-{h4}-{h12}",
            "ovsxp_{h8}-{h4}-{h4}-{h4}-{h12}",
        ],
        Chance,
    ),
];
