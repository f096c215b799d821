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
    assert 5 < counts["off topic"] <= 13  # of the 13 prompts that are a multiple of 8 and of 3
    by_prompt = {repr(one.messages): one.right for one in prompts}
    for one in preferences:
        right = by_prompt[repr(one.prompt)]
        assert one.answers[0] in right
        assert one.answers[1] not in right
        assert one.pairs == [(0, 1)]


def test_one_in_eight_right_samples_is_preferred_to_the_answer_of_another_prompt(held_out):
    prompts = draw_prompts(400, 0, held_out)
    preferences, counts = rank_samples(prompts, [one.right[0] for one in prompts], 0)
    assert set(counts) == {"off topic"}
    assert 40 < len(preferences) <= 50
