"""The formats of conversations of published models. To add one, add a row.

The facts are those of the chat templates that were published with the models; ``tests/chat`` has
the templates, with their sources, and compares the tokens.
"""

from dataclasses import replace

from scratchgpt.chat.chat_format import ChatFormat
from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER
from scratchgpt.errors import UserError, did_you_mean

MARKER_NAMES = {role: f"<|{role}|>" for role in (SYSTEM, USER, ASSISTANT)}
END_NAME = "<|end|>"

OWN_FORMAT = ChatFormat(
    "scratchgpt",
    "models that `scratchgpt sft` trains from other models than these",
    (*MARKER_NAMES.values(), END_NAME),
    starts_with_end=True,
    system=(MARKER_NAMES[SYSTEM], END_NAME),
    user=(MARKER_NAMES[USER], END_NAME),
    header=MARKER_NAMES[ASSISTANT],
    end=END_NAME,
)
_CHATML = ChatFormat(
    "chatml",
    "many models, without a default system message",
    ("<|im_start|>", "<|im_end|>"),
    system=("<|im_start|>system\n", "<|im_end|>\n"),
    user=("<|im_start|>user\n", "<|im_end|>\n"),
    header="<|im_start|>assistant\n",
    end="<|im_end|>",
    after="\n",
    ends=("<|endoftext|>",),
)
_QWEN2 = replace(
    _CHATML,
    name="qwen2",
    models="Qwen2 Instruct",
    default_system="You are a helpful assistant.",
    model_types=("qwen2",),
    lacks=("<tool_call>",),
)
_QWEN25 = replace(
    _QWEN2,
    name="qwen2.5",
    models="Qwen2.5 Instruct",
    default_system="You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    marks=("<tool_call>",),
    lacks=("<think>",),
)
_QWEN3 = replace(
    _CHATML,
    name="qwen3",
    models="Qwen3, which thinks before it answers",
    thoughts="shown",
    model_types=("qwen3",),
    marks=("<think>", "</think>"),
)
_QWEN3_NO_THINKING = replace(
    _CHATML, name="qwen3-no-thinking", models="Qwen3 without thoughts", thoughts="hidden"
)
_SMOLLM2 = replace(
    _CHATML,
    name="smollm2",
    models="SmolLM2 Instruct",
    default_system="You are a helpful AI assistant named SmolLM, trained by Hugging Face",
    model_types=("llama",),
    marks=("<jupyter_start>", "<empty_output>"),
)
_SYSTEM3 = "<|start_header_id|>system<|end_header_id|>\n\n"
_LLAMA3 = ChatFormat(
    "llama3",
    "Llama 3 Instruct",
    ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    start="<|begin_of_text|>",
    system=(_SYSTEM3, "<|eot_id|>"),
    user=("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
    header="<|start_header_id|>assistant<|end_header_id|>\n\n",
    end="<|eot_id|>",
    ends=("<|end_of_text|>",),
    strips=(SYSTEM, USER, ASSISTANT),
    model_types=("llama",),
    lacks=("<|eom_id|>",),
)
_DATES = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
_LLAMA31 = replace(
    _LLAMA3,
    name="llama3.1",
    models="Llama 3.1 to 3.3 Instruct, with the date that is the default of their template",
    system=(_SYSTEM3 + _DATES, "<|eot_id|>"),
    default_system="",
    ends=("<|end_of_text|>", "<|eom_id|>"),
    marks=("<|eom_id|>",),
    lacks=(),
)
_LLAMA2 = ChatFormat(
    "llama2",
    "Llama 2 Chat",
    ("<s>", "</s>"),
    user=("<s>[INST] ", " [/INST]"),
    answer=(" ", " "),
    end="</s>",
    system_in_user="<<SYS>>\n{}\n<</SYS>>\n\n",
    strips=(USER, ASSISTANT),
    alternates=True,
)
_MISTRAL1 = ChatFormat(
    "mistral-v1",
    "Mistral 7B Instruct v0.1 and v0.2",
    ("<s>", "</s>"),
    start="<s>",
    user=(" [INST] ", " [/INST]"),
    answer=(" ", ""),
    end="</s>",
    system_in_user="{}\n\n",
    alternates=True,
)
_MISTRAL3 = replace(
    _MISTRAL1,
    name="mistral-v3",
    models="Mistral 7B Instruct v0.3",
    tokens=("<s>", "</s>", "[INST]", "[/INST]"),
    user=("[INST] ", "[/INST]"),
    system_turn="last",
    strips=(ASSISTANT,),
    model_types=("mistral",),
    lacks=("<SPECIAL_20>", "[SYSTEM_PROMPT]"),
)
_NEMO = replace(
    _MISTRAL3,
    name="mistral-nemo",
    models="Mistral Nemo Instruct 2407",
    user=("[INST]", "[/INST]"),
    answer=("", ""),
    strips=(),
    marks=("<SPECIAL_20>",),
    lacks=("[SYSTEM_PROMPT]",),
)
_ZEPHYR = ChatFormat(
    "zephyr",
    "Zephyr 7B and TinyLlama 1.1B Chat v1.0",
    ("</s>",),
    system=("<|system|>\n", "</s>\n"),
    user=("<|user|>\n", "</s>\n"),
    header="<|assistant|>\n",
    end="</s>",
    after="\n",
)
_NANOCHAT = ChatFormat(
    "nanochat",
    "nanochat",
    ("<|bos|>", "<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>"),
    start="<|bos|>",
    user=("<|user_start|>", "<|user_end|>"),
    header="<|assistant_start|>",
    end="<|assistant_end|>",
    system_in_user="{}\n\n",
    alternates=True,
    model_types=("nanochat",),
)

FORMATS: dict[str, ChatFormat] = {
    row.name: row
    for row in (
        *(OWN_FORMAT, _CHATML, _QWEN2, _QWEN25, _QWEN3, _QWEN3_NO_THINKING, _SMOLLM2, _LLAMA3),
        *(_LLAMA31, _LLAMA2, _MISTRAL1, _MISTRAL3, _NEMO, _ZEPHYR, _NANOCHAT),
    )
}


def format_of_name(name: str) -> ChatFormat:
    """Return the format of a name.

    Raises
    ------
    UserError
        If there is no such format.
    """
    if name not in FORMATS:
        hint = did_you_mean(name, FORMATS) or f"; the formats are {', '.join(FORMATS)}"
        raise UserError(f"chat_format={name!r} is not a format of conversations{hint}")
    return FORMATS[name]
