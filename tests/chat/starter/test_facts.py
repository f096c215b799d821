from scratchgpt.chat.starter.facts import all_facts, sentence
from scratchgpt.chat.starter.patterns import expansions


def test_every_fact_has_statements_and_an_answer():
    for facts in all_facts().values():
        for a, b in facts.pairs.items():
            assert b in facts.answer_to(a)
            for pattern in (*facts.statements, *facts.questions):
                for text in expansions(pattern):
                    assert not set("[]{}|") & set(text.format(a=a, b=b))


def test_a_sentence_starts_with_a_capital_letter():
    assert sentence("hot is hot.") == "Hot is hot."
