from aether.adapters.openai.chat import Options
from aether.workflows.llm.ports import Form, Sampling

SAMPLING = Sampling(
    temperature=0.2, top_p=0.9, max_tokens=300, min_p=0.05, repeat_penalty=1.1, grammar="root ::= [a-z]"
)
STANDARD = {"temperature": 0.2, "top_p": 0.9, "max_tokens": 300}
OUTLINE = Form("outline", is_json=False)


def test_only_a_server_that_knows_the_options_of_llama_cpp_gets_them() -> None:
    local, other = Options(knows_llama_cpp=True), Options()

    assert local.of_call(None, SAMPLING) == STANDARD | {
        "min_p": 0.05,
        "repeat_penalty": 1.1,
        "grammar": "root ::= [a-z]",
    }
    assert other.of_call(None, SAMPLING) == STANDARD


def test_without_sampling_a_server_gets_the_operator_s_options_alone() -> None:
    options = Options({"seed": 1}, {"outline": {"top_k": 1}}, knows_llama_cpp=True)

    assert options.of_call(None, None) == {"seed": 1}
    assert options.of_call(OUTLINE, None) == {"seed": 1, "top_k": 1}
    assert Options().of_call(None, None) == {}


def test_the_operator_s_options_count_more_than_those_of_a_prompt() -> None:
    options = Options({"temperature": 1.0}, {"outline": {"max_tokens": 50}})

    assert options.of_call(OUTLINE, SAMPLING) == STANDARD | {"temperature": 1.0, "max_tokens": 50}
