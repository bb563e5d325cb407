"""The translated answers and streams of this folder before the official SDKs: each must be taken as the format's own.

Needs nothing of golive but these files; prints one line for each exchange and ends with 1 if any is refused.
"""

import glob
import http.server
import json
import os
import sys
import threading

import anthropic
import openai

HERE = os.path.dirname(os.path.abspath(__file__))
HELLO = [{"role": "user", "content": "hello"}]


def sse(events):
    lines = []
    for name, data in events:
        if name:
            lines.append(f"event: {name}\n")
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        lines.append(f"data: {text}\n\n")
    return "".join(lines).encode()


class Replay(http.server.BaseHTTPRequestHandler):
    """Answers every call with what is to be told next."""

    told = (b"", "")

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body, kind = Replay.told
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def of_chat(completion):
    choice = completion.choices[0]
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls or []]
    return choice.message.content or "", calls, choice.finish_reason


def of_message(message):
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [(block.name, block.input or {}) for block in message.content if block.type == "tool_use"]
    type(message).model_validate(message.model_dump(exclude_none=True))
    return text, calls, message.stop_reason


def expected(exchange, part):
    """What the caller's format says, put together by hand."""
    if part == "answer" and exchange["caller"] == "openai":
        choice = exchange["answer"]["choices"][0]
        calls = choice["message"].get("tool_calls", [])
        calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]
        return choice["message"]["content"] or "", calls, choice["finish_reason"]
    if part == "answer":
        content = exchange["answer"]["content"]
        text = "".join(block["text"] for block in content if block["type"] == "text")
        calls = [(block["name"], block["input"]) for block in content if block["type"] == "tool_use"]
        return text, calls, exchange["answer"]["stop_reason"]
    text, calls, reason = "", [], None
    for _, data in exchange["stream"]:
        if isinstance(data, str):
            continue
        for choice in data.get("choices", []):
            delta = choice["delta"]
            text += delta.get("content") or ""
            for call in delta.get("tool_calls", []):
                if "name" in call["function"]:
                    calls.append([call["function"]["name"], ""])
                calls[call["index"]][1] += call["function"]["arguments"]
            reason = choice["finish_reason"] or reason
        delta = data.get("delta", {})
        block = data.get("content_block", {})
        if block.get("type") == "tool_use":
            calls.append([block["name"], ""])
        text += delta.get("text", "")
        if "partial_json" in delta:
            calls[-1][1] += delta["partial_json"]
        reason = delta.get("stop_reason") or reason
    whole = reason != "max_tokens"  # a call that the limit cut is half, and the SDK shows what it has
    return text, [(name, json.loads(arguments or "{}") if whole else None) for name, arguments in calls], reason


def heard(exchange, part, chat, messages):
    if exchange["caller"] == "openai":
        if part == "answer":
            return of_chat(chat.create(model="m", messages=HELLO))
        with chat.stream(model="m", messages=HELLO) as stream:
            for _ in stream:
                pass
            return of_chat(stream.get_final_completion())
    if part == "answer":
        return of_message(messages.create(model="m", max_tokens=9, messages=HELLO))
    with messages.stream(model="m", max_tokens=9, messages=HELLO) as stream:
        for _ in stream:
            pass
        return of_message(stream.get_final_message())


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    chat = openai.OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0).chat.completions
    messages = anthropic.Anthropic(base_url=base, api_key="none", max_retries=0).messages
    failed = played = 0
    for path in sorted(glob.glob(os.path.join(HERE, "*.json"))):
        with open(path, encoding="utf-8") as file:
            exchange = json.load(file)
        if exchange["caller"] == "agent":
            continue
        for part in ("answer", "stream"):
            if part not in exchange:
                continue
            if part == "answer":
                Replay.told = json.dumps(exchange["answer"]).encode(), "application/json"
            else:
                Replay.told = sse(exchange["stream"]), "text/event-stream"
            raises = part == "stream" and any("error" in data for _, data in exchange["stream"] if isinstance(data, dict))
            try:
                got, wanted = heard(exchange, part, chat, messages), expected(exchange, part)
                if wanted[2] == "max_tokens":
                    got = got[0], [(name, None) for name, _ in got[1]], got[2]
                    wanted = wanted[0], [(name, None) for name, _ in wanted[1]], wanted[2]
                fine = got == wanted and not raises
            except openai.ContentFilterFinishReasonError as error:
                # The stream helper raises at `content_filter`, whoever says it.
                got, fine = repr(error), expected(exchange, part)[2] == "content_filter"
            except (openai.APIError, anthropic.APIError) as error:
                got, fine = repr(error), raises
            except Exception as error:  # whatever an SDK makes of what it cannot take
                got, fine = repr(error), False
            played += 1
            failed += not fine
            print("ok  " if fine else "FAIL", os.path.basename(path), part, "" if fine else got)
    print(f"openai {openai.__version__}, anthropic {anthropic.__version__}: {played} played, {failed} refused")
    return 1 if failed or not played else 0


if __name__ == "__main__":
    sys.exit(main())
