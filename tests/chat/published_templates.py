"""The chat templates that were published with models, for ``transformers`` to render.

Each is the ``chat_template`` in the ``tokenizer_config.json`` of the model that is named, without
the parts for tools. The dates are those of the model cards. Only tests render them.
"""

_ALTERNATES = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
)
_CHATML = (
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def _with_default(system):
    return (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        f"{{{{ '<|im_start|>system\\n{system}<|im_end|>\\n' }}}}{{% endif %}}" + _CHATML
    )


# teknium/OpenHermes-2.5-Mistral-7B
CHATML = "{% for message in messages %}" + _CHATML
# Qwen/Qwen2-0.5B-Instruct
QWEN2 = _with_default("You are a helpful assistant.")
# Qwen/Qwen2.5-0.5B-Instruct
QWEN25 = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""  # noqa: E501
# Qwen/Qwen3-0.6B
QWEN3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""  # noqa: E501
# HuggingFaceTB/SmolLM2-135M-Instruct
SMOLLM2 = _with_default("You are a helpful AI assistant named SmolLM, trained by Hugging Face")
# meta-llama/Meta-Llama-3-8B-Instruct
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}"
    "{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
# meta-llama/Llama-3.1-8B-Instruct
LLAMA31 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""  # noqa: E501
# meta-llama/Llama-2-7b-chat-hf
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}"
    "{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}" + _ALTERNATES + "{% if loop.index0 == 0 and "
    "system_message != false %}{% set content = '<<SYS>>\\n' + system_message + "
    "'\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}"
    "{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)


def _mistral(system, user, assistant, place):
    return f"""{{%- if messages[0]['role'] == 'system' %}}
    {{%- set system_message = messages[0]['content'] %}}
    {{%- set loop_messages = messages[1:] %}}
{{%- else %}}
    {{%- set loop_messages = messages %}}
{{%- endif %}}

{{{{- bos_token }}}}
{{%- for message in loop_messages %}}
    {_ALTERNATES.replace("{%", "{%-").replace("{{", "{{-")}
    {{%- if message['role'] == 'user' %}}
        {{%- if {place} and system_message is defined %}}
            {{{{- {system} }}}}
        {{%- else %}}
            {{{{- {user} }}}}
        {{%- endif %}}
    {{%- elif message['role'] == 'assistant' %}}
        {{{{- {assistant} }}}}
    {{%- endif %}}
{{%- endfor %}}
"""


# mistralai/Mistral-7B-Instruct-v0.2
MISTRAL1 = _mistral(
    r"' [INST] ' + system_message + '\n\n' + message['content'] + ' [/INST]'",
    "' [INST] ' + message['content'] + ' [/INST]'",
    "' ' + message['content'] + eos_token",
    "loop.first",
)
# mistralai/Mistral-7B-Instruct-v0.3
MISTRAL3 = _mistral(
    r"'[INST] ' + system_message + '\n\n' + message['content'] + '[/INST]'",
    "'[INST] ' + message['content'] + '[/INST]'",
    "' ' + message['content']|trim + eos_token",
    "loop.last",
)
# mistralai/Mistral-Nemo-Instruct-2407
NEMO = _mistral(
    r"'[INST]' + system_message + '\n\n' + message['content'] + '[/INST]'",
    "'[INST]' + message['content'] + '[/INST]'",
    "message['content'] + eos_token",
    "loop.last",
)
# HuggingFaceH4/zephyr-7b-beta and TinyLlama/TinyLlama-1.1B-Chat-v1.0
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n"
    "{% endfor %}"
)
# nanochat has no template: this one has the tokens of nanochat's render_conversation.
NANOCHAT = (
    "{% set ns = namespace(system='') %}<|bos|>{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.system = message['content'] + '\\n\\n' %}"
    "{% elif message['role'] == 'user' %}<|user_start|>{{ ns.system + message['content'] }}"
    "<|user_end|>{% set ns.system = '' %}{% else %}<|assistant_start|>{{ message['content'] }}"
    "<|assistant_end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant_start|>{% endif %}"
)

# The template of each format, the tokenizer that it is rendered with, and other variables.
TEMPLATES = {
    "chatml": (CHATML, "Qwen2-0.5B", {}),
    "qwen2": (QWEN2, "Qwen2-0.5B", {}),
    "qwen2.5": (QWEN25, "Qwen2.5-0.5B", {}),
    "qwen3": (QWEN3, "Qwen3-0.6B", {}),
    "qwen3-no-thinking": (QWEN3, "Qwen3-0.6B", {"enable_thinking": False}),
    "smollm2": (SMOLLM2, "SmolLM2-135M", {}),
    "llama3": (LLAMA3, "Llama-3-8B", {"bos_token": "<|begin_of_text|>"}),
    "llama3.1": (LLAMA31, "Llama-3.1-8B", {"bos_token": "<|begin_of_text|>"}),
    "llama2": (LLAMA2, "Llama-2-7b", {"bos_token": "<s>", "eos_token": "</s>"}),
    "mistral-v1": (MISTRAL1, "Mistral-7B-v0.1", {"bos_token": "<s>", "eos_token": "</s>"}),
    "mistral-v3": (MISTRAL3, "Mistral-7B-v0.3", {"bos_token": "<s>", "eos_token": "</s>"}),
    "mistral-nemo": (NEMO, "Mistral-Nemo", {"bos_token": "<s>", "eos_token": "</s>"}),
    "zephyr": (ZEPHYR, "TinyLlama-1.1B", {"eos_token": "</s>"}),
    "nanochat": (NANOCHAT, "nanochat-d20", {}),
}
# The model_type in config.json of the formats that are recognized.
MODEL_TYPES = {
    **{"qwen2": "qwen2", "qwen2.5": "qwen2", "qwen3": "qwen3", "smollm2": "llama"},
    **{"llama3": "llama", "llama3.1": "llama", "nanochat": "nanochat"},
    **{"mistral-v3": "mistral", "mistral-nemo": "mistral"},
}
