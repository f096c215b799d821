"""Talk to a model that `scratchgpt serve` serves, with OpenAI's client (pip install openai).

python openai_client.py http://127.0.0.1:8000/v1
"""

import sys

from openai import OpenAI

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/v1"
client = OpenAI(base_url=url, api_key="any")  # the key of --api-key, if the server has one
[model] = client.models.list().data

messages = [{"role": "user", "content": "Who are you?"}]
stream = client.chat.completions.create(
    model=model.id, messages=messages, temperature=0, max_tokens=40, stream=True
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
