/* The playground: the cost while somebody chooses and types, and answers while they come. Without
   it the page has buttons for the same. */
'use strict';
{
    const PAUSE = 400; // milliseconds after the last key
    const POLL = 400; // between two looks at a run
    const form = document.getElementById('setup');
    const run = document.getElementById('run');

    // --- The cost, and the fields of the chosen versions -------------------------------------------
    let timer;
    let asked;

    async function ask() {
        clearTimeout(timer);
        asked?.abort();
        const mine = asked = new AbortController();
        try {
            const answer = await fetch(form.dataset.cost, {
                method: 'POST', body: new FormData(form), signal: mine.signal,
                headers: {Accept: 'application/json'},
            });
            if (answer.ok && !answer.redirected) {
                show(await answer.json());
            }
        } catch (error) {
            if (error.name !== 'AbortError') {
                document.getElementById('cost').textContent = 'The server does not answer. What you typed stays here.';
            }
        }
    }

    function names(root) {
        return root.querySelector('[data-names]').dataset.names;
    }

    function show(found) {
        const cost = document.getElementById('cost');
        const opened = [...cost.querySelectorAll('details')].map(one => one.open);
        cost.innerHTML = found.cost; // the server's own template, escaped there
        cost.querySelectorAll('details').forEach((one, index) => { one.open = opened[index] ?? false; });
        const fields = document.getElementById('value-fields');
        const fresh = document.createElement('div');
        fresh.innerHTML = found.fields;
        if (names(fresh) !== names(fields)) {
            fields.replaceChildren(...fresh.childNodes);
        }
    }

    if (form) {
        document.getElementById('update-button').hidden = true;
        form.addEventListener('input', () => {
            clearTimeout(timer);
            timer = setTimeout(ask, PAUSE);
        });
        form.addEventListener('keydown', event => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                form.requestSubmit(document.getElementById('run-button'));
            }
        });
        if ('ask' in form.dataset) {
            ask();
        }
    }

    // --- Answers while they come -------------------------------------------------------------------
    function replaceColumns(html) {
        const fresh = document.createElement('div');
        fresh.innerHTML = html; // the server's own template, escaped there
        for (const column of fresh.querySelectorAll('.pg-column')) {
            const old = document.getElementById(column.id);
            if (!old.isEqualNode(column)) {
                replaceColumn(old, column);
            }
        }
        const sum = run.querySelector('.pg-sum');
        sum.innerHTML = fresh.querySelector('.pg-sum').innerHTML;
    }

    // A reader who scrolled up stays there; one at the end follows what comes.
    function replaceColumn(old, column) {
        const before = old.querySelector('.pg-answer');
        const after = column.querySelector('.pg-answer');
        const top = before?.scrollTop ?? 0;
        const atEnd = !before || before.scrollTop + before.clientHeight >= before.scrollHeight - 8;
        const focused = before && document.activeElement === before;
        old.replaceWith(column);
        if (after) {
            after.scrollTop = atEnd && after.classList.contains('is-open') ? after.scrollHeight : top;
            if (focused) {
                after.focus({preventScroll: true});
            }
        }
    }

    async function poll() {
        let open = true;
        try {
            const answer = await fetch(run.dataset.url, {headers: {Accept: 'application/json'}});
            if (answer.redirected || !answer.ok) {
                say('You are signed out, or the server is busy. The answers go on coming in; load the page again.');
                return;
            }
            const found = await answer.json();
            replaceColumns(found.html);
            say(found.said);
            open = found.open;
        } catch {
            say('The server does not answer. The answers go on coming in; this page tries again.');
        }
        if (open) {
            setTimeout(poll, POLL);
        } else {
            run.querySelector('.pg-stop')?.remove();
            if (form) {
                ask(); // what it held is free again
            }
        }
    }

    function say(text) {
        const status = run.querySelector('[role="status"]');
        if (status.textContent !== text) {
            status.textContent = text;
        }
    }

    if (run && 'open' in run.dataset) {
        setTimeout(poll, POLL);
    }
}
