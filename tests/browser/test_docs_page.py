from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.service.stack import Stack

_OPERATIONS = """all => all.map(one => {
    const [method, path] = ["method", "path"].map(part => one.querySelector(`.opblock-summary-${part}`));
    return `${method.textContent} ${path.dataset.path}`;
})"""


def test_the_docs_list_every_operation_without_any_other_host(stack: Stack, page: Page) -> None:
    said: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))

    page.goto(f"{stack.url}/docs")
    page.locator(".opblock").first.wait_for()

    document = stack.http.get("/schema/openapi.json").json()
    items = document["paths"] | document["webhooks"]
    operations = {f"{method.upper()} {path}" for path, item in items.items() for method in item}
    shown = page.locator(".opblock").evaluate_all(_OPERATIONS)
    assert (set(shown), said) == (operations, [])
    assert asked == {urlsplit(stack.url).netloc}
