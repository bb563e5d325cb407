"""The official OpenAI SDK against the gateway, with only the base URL and the key changed."""

import openai
from openai import OpenAI

from scenarios import (
    BODY_SIZE, KEY, NARROW_KEY, REQUESTS_PER_USER, SPENT_KEY, TIMEOUT_S, UNKNOWN_KEY, URL,
    names_nothing_internal, raises, run, scenario,
)

HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def client(key=KEY):
    return OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0, timeout=TIMEOUT_S)


def chat(model="plain", key=KEY, messages=HELLO, **more):
    return client(key).chat.completions.create(model=model, messages=messages, **more)


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def told(error, status):
    """An error must carry its status, a stable code, a sentence for the caller and the request's id."""
    assert error.status_code == status, error.status_code
    assert error.code, f"no code: {error.body}"
    assert isinstance(error.body, dict) and len(error.body["message"]) > 10, error.body
    assert error.request_id, "no x-request-id"
    return error


@scenario
def a_plain_answer_comes_whole():
    answer = chat()
    assert answer.choices[0].message.role == "assistant"
    assert "[lab:" in answer.choices[0].message.content, answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id, "no x-request-id"


@scenario
def an_answer_names_the_release_that_made_it():
    raw = client().chat.completions.with_raw_response.create(model="plain", messages=HELLO)
    assert raw.headers.get("golive-release"), dict(raw.headers)


@scenario
def a_streamed_answer_comes_in_chunks_and_ends():
    chunks = list(chat(stream=True))
    assert len(chunks) > 2, len(chunks)
    assert "[lab:" in text_of(chunks), text_of(chunks)
    assert len({chunk.id for chunk in chunks}) == 1
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]


@scenario
def usage_of_a_stream_comes_last_when_it_was_asked_for():
    chunks = list(chat(stream=True, stream_options={"include_usage": True}))
    *others, last = chunks
    assert last.choices == [] and last.usage.prompt_tokens > 0 and last.usage.completion_tokens > 0, last
    assert all(chunk.usage is None and chunk.choices for chunk in others)


@scenario
def usage_of_a_stream_does_not_come_when_it_was_not_asked_for():
    for options in ({}, {"stream_options": {"include_usage": False}}):
        for chunk in chat(stream=True, **options):
            assert chunk.choices, f"a chunk without choices: {chunk}"
            assert "usage" not in chunk.model_fields_set, f"the client did not ask: {chunk}"


@scenario
def a_tool_call_comes_back():
    answer = chat(model="tools", tools=[WEATHER])
    assert answer.choices[0].finish_reason == "tool_calls", answer
    call = answer.choices[0].message.tool_calls[0]
    assert call.id and call.function.name == "get_weather", call


@scenario
def a_tools_result_goes_up_and_an_answer_comes_back():
    call = chat(model="tools", tools=[WEATHER]).choices[0].message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "sunny"}
    answer = chat(messages=[*HELLO, call.model_dump(exclude_none=True), result], tools=[WEATHER])
    assert answer.choices[0].message.content, answer


@scenario
def a_tool_call_comes_back_in_a_stream():
    calls = [
        call
        for chunk in chat(model="tools", tools=[WEATHER], stream=True)
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    ]
    assert "".join(call.function.name or "" for call in calls if call.function) == "get_weather", calls
    assert any(call.id for call in calls), calls


@scenario
def a_client_that_leaves_in_the_middle_of_a_stream_is_let_go():
    with chat(model="endless", stream=True) as stream:
        for _, _chunk in zip(range(3), stream):
            pass
    assert chat().choices, "the gateway serves on"  # that the lab was told is judged by the test that runs this


@scenario
def a_stream_that_breaks_raises_and_does_not_look_like_an_end():
    for model in ("cut", "error-event"):
        text, chunks = "", iter(chat(model=model, stream=True))
        try:
            for chunk in chunks:
                text += text_of([chunk])
        except openai.APIError as error:
            assert text, "the content before the break comes through"
            assert str(error), error
        else:
            raise AssertionError(f"{model}: the stream ended as if it were whole, after {text!r}")


@scenario
def texts_become_vectors():
    # This SDK asks for base64 by itself, and gives floats.
    answer = client().embeddings.create(model="plain", input=["one text", "another"])
    first, second = (one.embedding for one in answer.data)
    assert len(first) == len(second) > 0 and first != second, answer
    assert all(isinstance(number, float) for number in first), first
    assert answer.usage.prompt_tokens > 0, answer.usage
    told(raises(openai.BadRequestError, lambda: client().embeddings.create(model="plain", input=[])), 400)


@scenario
def the_models_a_key_may_use_are_listed():
    listed = {model.id for model in client().models.list()}
    assert {"plain", "tools"} <= listed, listed
    assert {model.id for model in client(NARROW_KEY).models.list()} == {"plain"}


@scenario
def an_unknown_key_raises_authentication_error():
    for key in (UNKNOWN_KEY, "no-key-at-all"):
        told(raises(openai.AuthenticationError, lambda: chat(key=key)), 401)


@scenario
def a_model_that_the_key_may_not_use_raises_permission_denied_error():
    told(raises(openai.PermissionDeniedError, lambda: chat(model="tools", key=NARROW_KEY)), 403)


@scenario
def a_model_that_does_not_exist_raises_not_found_error():
    told(raises(openai.NotFoundError, lambda: chat(model="no-such-model")), 404)


@scenario
def a_body_that_is_too_large_raises_413():
    # This SDK has no class of its own for 413; its base class for statuses carries it.
    long = [{"role": "user", "content": "x" * (BODY_SIZE + 1)}]
    told(raises(openai.APIStatusError, lambda: chat(messages=long)), 413)


@scenario
def a_body_of_another_shape_raises_bad_request_error():
    for wrong in ({"messages": "not a list"}, {"model": 7}, {"stream": "yes"}):
        told(raises(openai.BadRequestError, lambda: chat(extra_body=wrong)), 400)


@scenario
def a_user_over_the_limit_raises_rate_limit_error_and_is_told_when_to_return():
    for _ in range(REQUESTS_PER_USER):
        chat(key=SPENT_KEY)
    error = told(raises(openai.RateLimitError, lambda: chat(key=SPENT_KEY)), 429)
    assert int(error.response.headers["retry-after"]) > 0, dict(error.response.headers)
    assert chat().choices, "another user is untouched"


@scenario
def an_upstream_that_fails_raises_internal_server_error():
    for model in ("failing", "unavailable", "html"):
        error = raises(openai.InternalServerError, lambda: chat(model=model))
        told(error, error.status_code)
        names_nothing_internal(error)


@scenario
def an_upstream_that_fails_before_its_stream_raises_and_does_not_stream():
    raises(openai.InternalServerError, lambda: chat(model="failing", stream=True))


run()
