// Everything that a client made by openapi-generator's typescript-fetch does with the service; it throws where something
// is wrong.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ChecklistsApi,
  Configuration,
  GenerationsApi,
  Length,
  ProblemDetails,
  ProblemDetailsFromJSON,
  Report,
  ReportBody,
  ReportsApi,
  ResponseError,
  TemplatesApi,
} from "./aether";

const basePath = process.env.AETHER_URL!;
const configuration = new Configuration({ basePath, accessToken: process.env.AETHER_KEY });
const reports = new ReportsApi(configuration);
const checklists = new ChecklistsApi(configuration);
const generations = new GenerationsApi(configuration);
const templates = new TemplatesApi(configuration);

async function submit(topic: string): Promise<string> {
  return ask({ topic });
}

async function ask(reportBody: ReportBody): Promise<string> {
  return (await reports.createReport({ reportBody, idempotencyKey: randomUUID() })).jobId;
}

async function completed(jobId: string): Promise<Report> {
  for (;;) {
    const job = await reports.getReport({ jobId });
    if (job.status === "completed") return job.report;
    assert(job.status === "pending" || job.status === "processing", job.status);
    await sleep(50);
  }
}

async function pages(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await reports.listReports({ limit: 1, cursor });
    ids.push(...page.reports.map((job) => job.jobId));
    cursor = page.nextCursor;
  } while (cursor);
  return ids;
}

async function wrong(call: Promise<unknown>, status: number): Promise<ProblemDetails> {
  const error = await call.then(() => undefined, (reason: unknown) => reason);
  assert(error instanceof ResponseError, `no error, but ${status} expected`);
  assert.equal(error.response.status, status);
  return ProblemDetailsFromJSON(await error.response.json());
}

async function useTemplates(): Promise<void> {
  const sections = [{ title: "About {{company}}" }, { title: "Outlook" }];
  const templateBody = { title: "Market brief", sections, variables: { company: {} } };
  const { reference: name } = await templates.setTemplate({ name: "market-brief", templateBody });
  const shown = await templates.getTemplate({ name });
  assert.deepEqual(
    shown.sections.map((section) => section.title),
    sections.map((section) => section.title),
  );
  let jobId = await ask({ topic: "Bicycles", template: name, variables: { company: "ACME" } });
  assert.deepEqual((await completed(jobId)).outline, ["I. About ACME", "II. Outlook"]);
  await reports.deleteReport({ jobId });
  await templates.deleteTemplate({ name });
  await wrong(templates.getTemplate({ name }), 404);

  const outline = ["Rise", { title: "Fall", covers: "How it ended.", length: Length.Brief }];
  jobId = await ask({ topic: "Rome", outline });
  assert.deepEqual((await completed(jobId)).outline, ["I. Rise", "II. Fall"]);
  await reports.deleteReport({ jobId });
}

async function writeReports(): Promise<void> {
  const written = await submit("Rome");
  const report = await completed(written);
  assert.deepEqual(Object.keys(report.sections), report.outline);
  assert.match(await reports.streamReport({ jobId: written }), /^event: completed$/m);

  const stopped = await submit("Carthage");
  assert.equal((await reports.cancelReport({ jobId: stopped })).status, "cancelled");
  await reports.retryReport({ jobId: stopped, retryBody: { maxTokens: 99_999 } });
  await completed(stopped);

  assert.deepEqual(await pages(), [stopped, written]);
  for (const jobId of [written, stopped]) await reports.deleteReport({ jobId });
  assert.deepEqual(await pages(), []);
  const gone = await wrong(reports.getReport({ jobId: written }), 404);
  assert.equal(gone.type, "urn:aether:problem:unknown-job");
}

async function makeAChecklist(): Promise<void> {
  const { eventId } = await checklists.createChecklist({ checklistBody: { inputText: "Wash your hands." } });
  let job = await checklists.getChecklist({ eventId });
  while (job.status === "pending" || job.status === "running") {
    await sleep(50);
    job = await checklists.getChecklist({ eventId });
  }
  assert.match(job.checklist ?? "", /^- /);
}

async function makeAnImage(): Promise<void> {
  const { generationId } = await generations.createGeneration({ generationBody: { prompt: "A lighthouse" } });
  while ((await generations.getGeneration({ generationId })).status === "PENDING") await sleep(50);
  const image = await generations.getGenerationImage({ generationId, position: 0 });
  assert.equal(Buffer.from(await image.arrayBuffer()).toString("latin1", 1, 4), "PNG");
}

async function beRefused(): Promise<void> {
  const broken = await wrong(reports.createReport({ reportBody: { topic: " " } }), 422);
  assert.deepEqual(broken.errors?.map((rule) => rule.field), ["topic"]);
  const stranger = new ReportsApi(new Configuration({ basePath, accessToken: "aether_nobody" }));
  await wrong(stranger.listReports(), 401);
}

async function main(): Promise<void> {
  await writeReports();
  await useTemplates();
  await makeAChecklist();
  await makeAnImage();
  await beRefused();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
