//! S1: services a product calls: payment, mail, chat, shops.

use super::{Rule, rule};
use crate::secrets::check::Check::{Chance, Jwt, Words};

pub(super) const RULES: &[Rule] = &[
    rule(
        "stripe-key",
        "Stripe secret key",
        &[
            "sk_live_{a24-247}",
            "rk_live_{a24-247}",
            "sk_test_{a24-247}",
            "rk_test_{a24-247}",
            "sk_prod_{a24-99}",
            "rk_prod_{a24-99}",
        ],
        Chance,
    ),
    rule(
        "stripe-webhook-secret",
        "Stripe webhook secret",
        &["whsec_{e32-64}"],
        Chance,
    ),
    rule(
        "square-token",
        "Square token",
        &["sq0atp-{w22}", "sq0csp-{w43}", "EAAAE{w59}"],
        Chance,
    ),
    rule(
        "braintree-token",
        "Braintree access token",
        &[
            "access_token$production${l16}${h32}",
            "access_token$sandbox${l16}${h32}",
        ],
        Chance,
    ),
    rule("razorpay-key", "Razorpay key id", &["rzp_live_{a14}"], Chance),
    rule(
        "flutterwave-key",
        "Flutterwave secret key",
        &["FLWSECK-{h32}-X", "FLWSECK_TEST-{h32}-X"],
        Chance,
    ),
    rule("adyen-key", "Adyen API key", &["AQE{w100-200}"], Chance),
    rule(
        "shopify-token",
        "Shopify token",
        &["shpat_{x32}", "shpca_{x32}", "shppa_{x32}", "shpss_{x32}"],
        Chance,
    ),
    rule(
        "checkout-key",
        "Checkout.com secret key",
        &["sk_sbox_{l27}"],
        Chance,
    ),
    rule(
        "slack-token",
        "Slack token",
        &[
            "xoxb-{d10-13}-{d10-13}-{a24}",
            "xoxb-{d10-13}-{a24}",
            "xoxp-{d10-13}-{d10-13}-{d10-13}-{h32}",
            "xoxa-2-{d10-13}-{d10-13}-{d10-13}-{h32}",
            "xoxe-1-{w140-160}",
            "xoxe.xoxp-1-{w160-170}",
            "xapp-1-{u9-12}-{d10-14}-{h64}",
            "xoxs-{d10-13}-{d10-13}-{d10-13}-{h10-64}",
            "xoxr-{d10-13}-{d10-13}-{d10-13}-{h32}",
        ],
        Chance,
    ),
    rule(
        "slack-webhook",
        "Slack webhook",
        &[
            "hooks.slack.com/services/T{u8-11}/B{u8-12}/{a24}",
            "hooks.slack.com/workflows/T{u8-11}/A{u8-12}/{d17-19}/{a24}",
            "hooks.slack.com/triggers/T{u8-11}/{d12-14}/{h32}",
        ],
        Chance,
    ),
    rule(
        "discord-webhook",
        "Discord webhook",
        &[
            "discord.com/api/webhooks/{d17-20}/{w68}",
            "discordapp.com/api/webhooks/{d17-20}/{w68}",
        ],
        Chance,
    ),
    rule(
        "teams-webhook",
        "Microsoft Teams webhook",
        &[
            "webhook.office.com/webhookb2/{h8}-{h4}-{h4}-{h4}-{h12}@{h8}-{h4}-{h4}-{h4}-{h12}/IncomingWebhook/{h32}",
        ],
        Chance,
    ),
    rule("sendgrid-key", "SendGrid API key", &["SG.{w22}.{w43}"], Chance),
    rule(
        "brevo-key",
        "Brevo API key",
        &["xkeysib-{h64}-{a16}", "xsmtpsib-{h64}-{a16}"],
        Chance,
    ),
    rule("mailgun-key", "Mailgun API key", &["key-{h32}"], Chance),
    rule("mailersend-key", "MailerSend token", &["mlsn.{h64}"], Chance),
    rule("resend-key", "Resend API key", &["re_{a8}_{a24}"], Chance),
    rule(
        "hubspot-token",
        "HubSpot private app token",
        &[
            "pat-na1-{h8}-{h4}-{h4}-{h4}-{h12}",
            "pat-eu1-{h8}-{h4}-{h4}-{h4}-{h12}",
        ],
        Chance,
    ),
    rule("airtable-token", "Airtable token", &["pat{a14}.{h64}"], Chance),
    rule("contentful-token", "Contentful token", &["CFPAT-{w43}"], Chance),
    rule(
        "duffel-key",
        "Duffel API key",
        &["duffel_live_{w43}", "duffel_test_{w43}"],
        Chance,
    ),
    rule(
        "easypost-key",
        "EasyPost API key",
        &["EZAK{a54}", "EZTK{a54}"],
        Chance,
    ),
    rule("frameio-token", "Frame.io token", &["fio-u-{w64}"], Chance),
    rule(
        "intra42-secret",
        "42 API secret",
        &["s-s4t2ud-{h64}", "s-s4t2af-{h64}"],
        Chance,
    ),
    rule(
        "facebook-page-token",
        "Meta access token",
        &["EAAC{a100-300}", "EAAB{a100-300}", "EAAG{a100-300}"],
        Chance,
    ),
    rule(
        "shippo-token",
        "Shippo token",
        &["shippo_live_{h40}", "shippo_test_{h40}"],
        Chance,
    ),
    rule("typeform-token", "Typeform token", &["tfp_{t59}"], Chance),
    rule("sumup-key", "SumUp API key", &["sup_sk_{a32}"], Chance),
    rule("clickup-token", "ClickUp token", &["pk_{d7-9}_{u32}"], Chance),
    rule("okta-token", "Okta SSWS token", &["SSWS 00{w40}"], Chance),
    rule("jwt", "Signed token (JWT)", &["eyJ{w10+}.eyJ{w10+}.{w20+}"], Jwt),
    rule(
        "ansible-become-password",
        "Ansible become password",
        &["ansible_become_pass: <{t8-64}>", "ansible_ssh_pass: <{t8-64}>"],
        Words,
    ),
];
