"""The official Anthropic SDK against the gateway, with only the base URL and the key changed."""

import anthropic
from anthropic import Anthropic

from scenarios import (
    BODY_SIZE, KEY, NARROW_KEY, REQUESTS_PER_USER, SPENT_KEY, TIMEOUT_S, UNKNOWN_KEY, URL,
    names_nothing_internal, raises, run, scenario,
)

HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def client(key=KEY):
    return Anthropic(base_url=URL, api_key=key, max_retries=0, timeout=TIMEOUT_S)


def message(model="claude-plain", key=KEY, messages=HELLO, **more):
    return client(key).messages.create(model=model, max_tokens=200, messages=messages, **more)


def told(error, status, kind):
    """An error must carry its status, the format's own type, a sentence for the caller and the request's id."""
    assert error.status_code == status, error.status_code
    assert error.type == kind, f"type {error.type!r} instead of {kind!r}: {error.body}"
    assert error.body["type"] == "error" and len(error.body["error"]["message"]) > 10, error.body
    assert error.request_id, "no request-id header: this SDK reads no other name"
    return error


@scenario
def a_plain_answer_comes_whole():
    answer = message()
    assert answer.role == "assistant" and answer.stop_reason == "end_turn", answer
    assert "[lab:" in answer.content[0].text, answer.content
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0
    assert answer._request_id, "no request-id header: this SDK reads no other name"


@scenario
def an_answer_names_the_release_that_made_it():
    raw = client().messages.with_raw_response.create(model="claude-plain", max_tokens=200, messages=HELLO)
    assert raw.headers.get("golive-release"), dict(raw.headers)


@scenario
def a_streamed_answer_comes_in_events_and_ends():
    events = list(message(stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    assert kinds.count("content_block_delta") > 2, kinds
    usage = next(event.usage for event in events if event.type == "message_delta")
    assert usage.output_tokens > 0, usage


@scenario
def the_streaming_helper_gathers_text_and_message():
    with client().messages.stream(model="claude-plain", max_tokens=200, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert "[lab:" in text and final.content[0].text == text, (text, final)
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0, final


@scenario
def a_tool_call_comes_back():
    answer = message(model="claude-tools", tools=[WEATHER])
    assert answer.stop_reason == "tool_use", answer
    call = next(block for block in answer.content if block.type == "tool_use")
    assert call.id and call.name == "get_weather" and isinstance(call.input, dict), call


@scenario
def a_tools_result_goes_up_and_an_answer_comes_back():
    asked = message(model="claude-tools", tools=[WEATHER])
    call = next(block for block in asked.content if block.type == "tool_use")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
    said = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in asked.content]}
    answer = message(messages=[*HELLO, said, result], tools=[WEATHER])
    assert answer.content, answer


@scenario
def a_tool_call_comes_back_in_a_stream():
    with client().messages.stream(
        model="claude-tools", max_tokens=200, messages=HELLO, tools=[WEATHER]
    ) as stream:
        final = stream.get_final_message()
    call = next(block for block in final.content if block.type == "tool_use")
    assert call.name == "get_weather" and isinstance(call.input, dict), final


@scenario
def a_client_that_leaves_in_the_middle_of_a_stream_is_let_go():
    with message(model="claude-endless", stream=True) as stream:
        for _, _event in zip(range(5), stream):
            pass
    assert message().content, "the gateway serves on"  # that the lab was told is judged by the test that runs this


@scenario
def a_stream_that_breaks_raises_and_does_not_look_like_an_end():
    for model in ("claude-cut", "claude-error-event"):
        text = ""
        try:
            for event in message(model=model, stream=True):
                assert event.type != "message_stop", f"{model}: a clean end after {text!r}"
                if event.type == "content_block_delta":
                    text += event.delta.text
        except anthropic.APIError as error:
            assert text, "the content before the break comes through"
            assert str(error), error
        else:
            raise AssertionError(f"{model}: the stream ended without a word, after {text!r}")


@scenario
def tokens_are_counted():
    count = client().messages.count_tokens(model="claude-plain", messages=HELLO)
    assert count.input_tokens > 0, count
    longer = client().messages.count_tokens(model="claude-plain", messages=HELLO, system="Be brief. " * 20)
    assert longer.input_tokens > count.input_tokens, (count, longer)


@scenario
def the_models_a_key_may_use_are_listed():
    listed = {model.id for model in client().models.list()}
    assert {"claude-plain", "claude-tools"} <= listed, listed
    assert {model.id for model in client(NARROW_KEY).models.list()} == {"claude-plain"}


@scenario
def an_unknown_key_raises_authentication_error():
    for key in (UNKNOWN_KEY, "no-key-at-all"):
        told(raises(anthropic.AuthenticationError, lambda: message(key=key)), 401, "authentication_error")


@scenario
def a_model_that_the_key_may_not_use_raises_permission_denied_error():
    error = raises(anthropic.PermissionDeniedError, lambda: message(model="claude-tools", key=NARROW_KEY))
    told(error, 403, "permission_error")


@scenario
def a_model_that_does_not_exist_raises_not_found_error():
    told(raises(anthropic.NotFoundError, lambda: message(model="no-such-model")), 404, "not_found_error")


@scenario
def a_body_that_is_too_large_raises_content_too_large_error():
    long = [{"role": "user", "content": "x" * (BODY_SIZE + 1)}]
    error = raises(anthropic.ContentTooLargeError, lambda: message(messages=long))
    told(error, 413, "request_too_large")


@scenario
def a_body_of_another_shape_raises_bad_request_error():
    for wrong in ({"messages": "not a list"}, {"max_tokens": "many"}, {"model": 7}):
        told(raises(anthropic.BadRequestError, lambda: message(extra_body=wrong)), 400, "invalid_request_error")


@scenario
def a_user_over_the_limit_raises_rate_limit_error_and_is_told_when_to_return():
    for _ in range(REQUESTS_PER_USER):
        message(key=SPENT_KEY)
    error = told(raises(anthropic.RateLimitError, lambda: message(key=SPENT_KEY)), 429, "rate_limit_error")
    assert int(error.response.headers["retry-after"]) > 0, dict(error.response.headers)
    assert message().content, "another user is untouched"


@scenario
def an_upstream_that_fails_raises_a_server_error():
    for model in ("claude-failing", "claude-html"):
        try:
            message(model=model)
        except anthropic.InternalServerError as error:  # the SDK has a subclass of it for some statuses
            assert error.status_code >= 500 and error.request_id, error
            assert error.body["type"] == "error", error.body
            names_nothing_internal(error)
        else:
            raise AssertionError(f"{model}: no exception")


@scenario
def an_upstream_that_is_overloaded_raises_a_server_error():
    try:
        message(model="claude-overloaded")
    except anthropic.InternalServerError as error:
        assert error.status_code in (503, 529) and error.type == "overloaded_error", (error.status_code, error.body)
    else:
        raise AssertionError("no exception")


run()
