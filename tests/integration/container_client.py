"""An application beside the containers: the official client, with nothing but an address and a key.

Usage: ``python container_client.py BASE_URL KEY USERS``. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys

from openai import AuthenticationError, OpenAI

ASKED = [{"role": "user", "content": "My parcel LM-12345 is lost."}]


def main(base_url: str, key: str, users: int) -> None:
    """Each user asks once, the first by a stream, and says of the answer that it resolved their case."""
    with OpenAI(base_url=base_url, api_key=key, timeout=60) as client:
        texts = [streamed(client)]
        for number in range(1, users):
            answer = client.chat.completions.create(
                model="support-bot", user=f"user-{number}", messages=ASKED, max_tokens=4
            )
            texts.append(answer.choices[0].message.content or "")
            body = {"response_id": answer.id, "key": "resolved", "value": True}
            client.post("/feedback", body=body, cast_to=object)
    print(json.dumps({"answers": sum(bool(text) for text in texts), "stranger": stranger(base_url)}))


def streamed(client: OpenAI) -> str:
    chunks = client.chat.completions.create(
        model="support-bot", user="user-0", messages=ASKED, max_tokens=4, stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def stranger(base_url: str) -> str:
    """What happens to an application without a key."""
    with OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        try:
            client.models.list()
        except AuthenticationError:
            return "refused"
    return "let in"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
