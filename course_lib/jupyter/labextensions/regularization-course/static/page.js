// What a page of the course does beyond JupyterLab's own:
// Shift+Enter waits for the kernel, so that no first cell is lost, and leaves folded sections
// folded; a kernel that has gone is said, with how to go on; the first cell run in a new one brings
// back what stood on the page; printed numbers are not broken; panels may be slow to start, and
// cells that a link leads to slow to come.
// JupyterLab loads this file as it is: a module-federation container of one plugin.

// JupyterLab cuts messages after 140 characters.
const GONE = 'this page’s kernel has stopped, perhaps to make room for another lesson. '
  + 'What you did is kept.';
const AGAIN = [{label: 'Run the page up to here', commandId: 'notebook:run-all-above'}];

const STYLE = `.jp-OutputArea-output pre { word-break: normal; overflow-wrap: normal; }
.jp-RenderedText[data-mime-type='application/vnd.jupyter.stdout'] pre { white-space: pre;
  overflow-x: auto; }`;

/** The notebook in front, if it is one. */
function current(app) {
  const panel = app.shell.currentWidget;
  return panel?.content?.widgets && panel.sessionContext ? panel : null;
}

function kernelOf(panel) {
  return panel.sessionContext.session?.kernel;
}

/** Whether a cell run now would reach a kernel. */
function isReady(panel) {
  const status = kernelOf(panel)?.status;
  return panel.sessionContext.isReady && (status === 'idle' || status === 'busy');
}

async function untilReady(panel) {
  await panel.sessionContext.ready;
  while (!panel.isDisposed && !isReady(panel)) await new Promise(go => setTimeout(go, 100));
}

/** The cell below that is in sight; -1 if there is none. */
function nextInSight(notebook) {
  return notebook.widgets.findIndex((cell, at) => at > notebook.activeCellIndex && !cell.isHidden);
}

/** What Shift+Enter does: run the cell, and go to the next one that is not folded away. */
async function runAndAdvance(app, panel) {
  if (!isReady(panel) && panel.content.activeCell?.model.type === 'code') await untilReady(panel);
  const notebook = panel.content, next = nextInSight(notebook);
  const folded = notebook.widgets[notebook.activeCellIndex + 1]?.isHidden;
  if (!folded || next < 0) return app.commands.execute('notebook:run-cell-and-select-next');
  app.commands.execute('notebook:run-cell');
  notebook.deselectAll();
  notebook.activeCellIndex = next;
  notebook.mode = 'command';
  await notebook.scrollToItem(next, 'auto');
}

/** Take Shift+Enter where JupyterLab would lose the cell or unfold a section. */
function listen(app) {
  let pressed = Promise.resolve();  // in their order, however fast
  let waiting = 0;
  window.addEventListener('keydown', event => {
    const keys = event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    const panel = current(app);
    if (event.key !== 'Enter' || !keys || !panel?.content.node.contains(event.target)) return;
    const notebook = panel.content;
    const folded = notebook.widgets[notebook.activeCellIndex + 1]?.isHidden;
    const noKernel = panel.sessionContext.isReady && !kernelOf(panel);  // JupyterLab starts one
    if (!waiting && !folded && (isReady(panel) || noKernel)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting += 1;
    pressed = pressed.then(() => runAndAdvance(app, panel)).finally(() => { waiting -= 1; });
  }, true);
}

/** Say once that the kernel of a notebook has gone. */
function watch(app, panel) {
  let had = false;
  const look = () => {
    const status = kernelOf(panel)?.status;
    const gone = had && panel.sessionContext.isReady && (!status || status === 'dead');
    had = status ? status !== 'dead' : had && !gone;
    if (gone && !panel.isDisposed) {
      app.commands.execute('apputils:notify', {
        message: `${panel.title.label}: ${GONE}`, type: 'warning',
        options: {autoClose: false, actions: AGAIN},
      });
    }
  };
  panel.sessionContext.statusChanged.connect(look);
  panel.sessionContext.kernelChanged.connect(look);
  look();
}

/** When the first cell has run, run those again whose panels or questions lost the former kernel. */
async function bringBack() {
  const load = await Object.values(shared['@jupyterlab/notebook'])[0].get();
  const {NotebookActions} = load();
  const lost = cell => cell.node.querySelector('.course-dead') && !isRunning(cell);
  NotebookActions.executed.connect((_, {notebook, cell, success}) => {
    if (!success || cell !== notebook.widgets.find(({model}) => model.type === 'code')) return;
    const cells = notebook.widgets.filter(lost);
    if (cells.length) NotebookActions.runCells(notebook, cells, notebook.parent.sessionContext);
  });
}

/**
 * anywidget gives a widget two seconds to start. On a slow laptop that is busy with a long page they
 * pass, and the widget never hears its kernel again.
 */
function giveTime() {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = ms => timeout(ms === 2000 ? 60_000 : ms);
}

/** JupyterLab forgets a link to a cell that is long in coming: ask again until it is in sight. */
function follow(app) {
  window.addEventListener('click', event => {
    const hash = event.target.closest?.('a[href*="#cell-id="]')?.hash;
    if (!hash) return;
    const done = new AbortController();
    const look = setInterval(() => {
      const panel = current(app);
      const cell = panel?.content.widgets.find(({model}) => hash === `#cell-id=${model.id}`);
      if (!cell?.node.isConnected) return;
      if (isInSight(cell.node, panel.content.node)) done.abort();
      else panel.setFragment(hash);
    }, 500);
    done.signal.onabort = () => clearInterval(look);
    for (const act of ['wheel', 'keydown', 'pointerdown']) {  // the reader goes elsewhere
      window.addEventListener(act, () => done.abort(), {capture: true, signal: done.signal});
    }
    setTimeout(() => done.abort(), 60_000);
  }, true);
}

function isInSight(node, frame) {
  const box = node.getBoundingClientRect(), around = frame.getBoundingClientRect();
  return box.height > 0 && box.top < around.bottom && box.bottom > around.top;
}

const isRunning = cell => cell.model.executionState === 'running';  // as in Run All Cells

async function activate(app) {
  document.head.appendChild(document.createElement('style')).textContent = STYLE;
  listen(app);
  giveTime();
  follow(app);
  await bringBack();
  const watched = new WeakSet();
  const meet = () => {
    const panel = current(app);
    if (!panel || watched.has(panel)) return;
    watched.add(panel);
    watch(app, panel);
  };
  app.restored.then(() => {
    app.shell.currentChanged.connect(meet);
    meet();
  });
}

let shared;  // JupyterLab's own modules
const plugin = {id: 'regularization-course:page', autoStart: true, activate};
window._JUPYTERLAB = window._JUPYTERLAB ?? {};
window._JUPYTERLAB['regularization-course'] = {
  init(scope) { shared = scope; },
  get: async () => () => ({__esModule: true, default: plugin}),
};
