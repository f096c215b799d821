from scratchgpt.chat.starter import draw_prompts, rank_samples


def test_prompts_have_no_test_question(held_out):
    prompts = draw_prompts(300, 0, held_out)
    assert not any(held_out.has(m.content) for one in prompts for m in one.messages)
    assert all(one.messages[-1].role == "user" and one.right for one in prompts)


def test_the_better_answer_is_right_and_the_worse_one_is_not(held_out):
    prompts = draw_prompts(300, 0, held_out)
    samples = ["nonsense" if i % 3 else one.right[-1] for i, one in enumerate(prompts)]
    preferences, counts = rank_samples(prompts, samples, 0)
    assert counts["wrong"] == 200
    assert counts["cut"] > 20
    assert counts["off topic"] > 20
    by_prompt = {repr(one.messages): one.right for one in prompts}
    for one in preferences:
        right = by_prompt[repr(one.prompt)]
        assert one.answers[0] in right
        assert one.answers[1] not in right
        assert one.pairs == [(0, 1)]


def test_a_cut_answer_is_the_beginning_of_a_right_one(held_out):
    prompts = draw_prompts(50, 0, held_out)
    preferences, _ = rank_samples(prompts, [one.right[0] for one in prompts], 0)
    assert any(one.answers[0].startswith(f"{one.answers[1]} ") for one in preferences)
