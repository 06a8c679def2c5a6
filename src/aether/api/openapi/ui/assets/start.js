// Shows the document of the server that the page came from; nothing is fetched from anywhere else.
// The table of problem types at the end of its description is long, so it is shown below the operations.
const TABLE_AT_END = /\n\| .+\n\|[-|]+\n(?:\|.*\n?)+$/;
let table = "";

function takeTable(response) {
  if (response.ok && response.url.endsWith(document.body.dataset.document)) {
    const openapi = JSON.parse(response.text);
    openapi.info.description = openapi.info.description.replace(TABLE_AT_END, (found) => {
      table = found.trim();
      return "\nThe [types of problems](#problem-types) are listed below the operations.";
    });
    response.text = JSON.stringify(openapi);
  }
  return response;
}

function cell(name, text) {
  const shown = document.createElement(name);
  const code = text.match(/^`(.+)`$/);
  const content = shown.appendChild(document.createElement(code ? "code" : "span"));
  content.textContent = code ? code[1] : text;
  content.style.overflowWrap = code ? "anywhere" : "normal";
  return shown;
}

function showTable() {
  const [head, , ...body] = table.split("\n").map((line) => line.split("|").slice(1, -1).map((text) => text.trim()));
  const rows = [head, ...body].map((texts, at) => {
    const row = document.createElement("tr");
    row.append(...texts.map((text) => cell(at ? "td" : "th", text)));
    return row;
  });
  const section = document.getElementById("problem-types");
  section.querySelector("table").replaceChildren(...rows);
  section.hidden = !table;
}

window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: document.body.dataset.document,
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    responseInterceptor: takeTable,
    onComplete: showTable,
  });
});
