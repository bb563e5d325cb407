//! S3, S5: requests that are wrong: a clear answer in the caller's own format, a row with the right outcome once the
//! caller is known, and nothing of it at the upstream.

use golive_lab::State;
use http::Method;

use crate::caller::Raw;
use crate::gate::{Format, Gate, Setup};
use crate::world;

/// The outcome in the ledger of an answer's request.
async fn outcome(gate: &Gate, id: &str) -> String {
    gate.row(id).await["outcome"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_request_in_each_format_is_answered_and_recorded() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        let answer = gate.call(format).send().await;
        assert!(
            golive_lab::nonce::find(&answer.said(format)).is_some(),
            "the lab's own words"
        );
        assert_eq!(outcome(&gate, &answer.id()).await, "ok");
        assert!(!answer.header("golive-release").is_empty());
        answer.shows_nothing_of_the_upstream();
        let stream = gate.call(format).stream().send().await;
        assert!(stream.whole && stream.status == 200, "{}", stream.text());
        let end = if format == Format::Anthropic {
            "message_stop"
        } else {
            "[DONE]"
        };
        assert!(stream.text().contains(end), "{}", stream.text());
        assert_eq!(outcome(&gate, &stream.id()).await, "ok");
    }
    for arrival in gate.arrivals("", State::Arrived, 6).await.arrivals {
        let seen = format!("{:?}{}", arrival.headers, arrival.body);
        assert!(!seen.contains(&gate.key), "the caller's key stays here: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_in_the_query_is_refused_even_beside_a_good_one() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        for query in ["api_key=x", "key=x", "a=1&access_token=x"] {
            let path = format!("{}?{query}", format.path());
            let answer = gate.call(format).path(&path).send().await;
            answer.is_error(format, 401, "credential_in_query");
        }
        let path = format!("{}?next={}", format.path(), gate.key);
        let answer = gate.call(format).anonymous().path(&path).send().await;
        answer.is_error(format, 401, "credential_in_query");
        assert!(!answer.text().contains(&gate.key));
    }
    assert_eq!(gate.arrived(""), 0);
    assert!(gate.rows().await.is_empty(), "nobody was identified: no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_a_wrong_one_and_two_that_differ_are_refused() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        let missing = gate.call(format).anonymous().send().await;
        missing.is_error(format, 401, "credential_missing");
        assert!(missing.header("www-authenticate").starts_with("Bearer"));
        let stranger = world::key();
        let mut mistyped = gate.key.clone();
        mistyped.pop();
        for wrong in [stranger.as_str(), &mistyped, "sk-something-else"] {
            let answer = gate.call(format).key(wrong).send().await;
            answer.is_error(format, 401, "invalid_api_key");
        }
        let both = gate
            .call(format)
            .only_header("authorization", &format!("Bearer {}", gate.key))
            .only_header("x-api-key", &stranger);
        both.send().await.is_error(format, 401, "credential_conflict");
        let same_twice = gate.call(format).header("api-key", &gate.key).send().await;
        assert_eq!(same_twice.status, 200, "the same one in two places is one");
    }
    assert_eq!(gate.arrived(""), Format::ALL.len());
    for (reason, count) in [
        ("missing", 3.0),
        ("unknown", 3.0),
        ("malformed", 6.0),
        ("conflict", 3.0),
    ] {
        let metric = format!("golive_unauthenticated_total{{reason=\"{reason}\"}}");
        gate.metric_is(&metric, count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_bodies_and_other_types_than_json_are_refused() {
    let gate = Setup::default().start().await;
    for format in Format::ALL {
        for encoding in ["gzip", "br", "deflate", "zstd"] {
            let answer = gate
                .call(format)
                .header("content-encoding", encoding)
                .send()
                .await;
            answer.is_error(format, 415, "encoded_body");
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            let answer = gate.call(format).only_header("content-type", kind).send().await;
            answer.is_error(format, 415, "not_json");
        }
        let fine = gate.call(format).header("content-encoding", "identity");
        let fine = fine.only_header("content-type", "Application/JSON; charset=utf-8");
        fine.send().await.said(format);
    }
    assert_eq!(gate.arrived(""), Format::ALL.len());
    gate.row_with("refused:read:encoded_body").await;
    gate.row_with("refused:read:not_json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_by_its_announcement_and_by_its_size() {
    let gate = Setup::default()
        .with("[inbound]\nbody_size = \"8 KiB\"")
        .start()
        .await;
    for format in Format::ALL {
        // The announced one is refused before a byte of it has come.
        let mut raw = Raw::connect(&gate.url).await;
        raw.write(gate.call(format).head(9000).as_bytes()).await;
        let answer = raw.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        // The other says nothing of its length.
        let mut raw = Raw::connect(&gate.url).await;
        let head = gate.call(format).head(0);
        let head = head.replace("content-length: 0", "transfer-encoding: chunked");
        raw.write(head.as_bytes()).await;
        let chunk = format!("{:x}\r\n{}\r\n", 5000, " ".repeat(5000));
        raw.write(chunk.as_bytes()).await;
        raw.write(chunk.as_bytes()).await;
        let answer = raw.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        let whole = gate.call(format).saying(&"x".repeat(9000)).send().await;
        whole.is_error(format, 413, "request_too_large");
    }
    assert_eq!(gate.arrived(""), 0);
    gate.row_with("refused:read:request_too_large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_two_parsers_could_read_differently_is_refused_in_each_format() {
    let gate = Setup::default()
        .with("[inbound]\njson_depth = 16\njson_nodes = 1000\njson_string = \"4 KiB\"")
        .start()
        .await;
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(20), "]".repeat(20));
    let wide = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(1000));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(5000));
    let broken: &[&[u8]] = &[
        b"",
        b"{",
        b"{\"a\":1} {}",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":1,\"\\u0061\":2}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":1e999}",
        b"{\"a\":NaN}",
        b"{\"a\":\"\x01\"}",
        deep.as_bytes(),
        wide.as_bytes(),
        long.as_bytes(),
    ];
    for format in Format::ALL {
        for body in broken {
            let answer = gate.call(format).raw(body.to_vec()).send().await;
            let told = answer.json();
            let code = match format {
                Format::OpenAi => told["error"]["code"].clone(),
                _ => told["code"].clone(),
            };
            let code = code.as_str().unwrap_or("any").to_owned();
            answer.is_error(format, 400, &code);
            assert_eq!(
                answer.header("x-should-retry"),
                "false",
                "it stays wrong: {}",
                answer.text()
            );
        }
        for shape in ["[]", "1", "null"] {
            let answer = gate.call(format).raw(shape).send().await;
            assert_eq!(answer.status, 400, "{shape}: {}", answer.text());
        }
    }
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_format_demands_and_is_not_there_is_named() {
    let gate = Setup::default().start().await;
    let chat = gate
        .chat()
        .raw(r#"{"messages":[{"role":"user","content":"x"}]}"#)
        .send()
        .await;
    assert_eq!(
        (chat.status, &chat.json()["error"]["param"]),
        (400, &"model".into()),
        "{}",
        chat.text()
    );
    let chat = gate.chat().with("messages", "hello").send().await;
    assert_eq!(
        (chat.status, &chat.json()["error"]["param"]),
        (400, &"messages".into()),
        "{}",
        chat.text()
    );
    let message = gate
        .call(Format::Anthropic)
        .raw(r#"{"model":"claude","messages":[{"role":"user","content":"x"}]}"#)
        .send()
        .await;
    assert_eq!(message.status, 400);
    assert!(message.text().contains("max_tokens"), "{}", message.text());
    assert_eq!(gate.arrived(""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_paths_methods_and_formats_are_told_apart() {
    let gate = Setup::default().start().await;
    let nobody = gate.chat().with("model", "nobody").send().await;
    nobody.is_error(Format::OpenAi, 404, "model_not_found");
    assert_eq!(
        outcome(&gate, &nobody.id()).await,
        "refused:authorise:model_not_found"
    );
    gate.call(Format::Anthropic)
        .with("model", "nobody")
        .send()
        .await
        .is_error(Format::Anthropic, 404, "model_not_found");
    gate.call(Format::Agent)
        .path("/agents/nobody")
        .send()
        .await
        .is_error(Format::Agent, 404, "model_not_found");
    let wrong = gate.call(Format::Agent).path("/agents/claude").send().await;
    wrong.is_error(Format::Agent, 400, "wrong_format");
    assert!(
        wrong.text().contains("/v1/chat/completions"),
        "it says where: {}",
        wrong.text()
    );
    for path in [
        "/v1/embeddings/",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/chat/completions",
    ] {
        let answer = gate.chat().path(path).send().await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    for format in Format::ALL {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = gate.call(format).method(method).send().await;
            answer.is_error(format, 405, "use_post");
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    assert_eq!(gate.chat().path("/v1/models").send().await.header("allow"), "GET");
    assert_eq!(gate.arrived(""), 0);
}
