/* Command palette (Ctrl+K) and the other keyboard shortcuts. */
'use strict';
{
    const DEBOUNCE = 120; // milliseconds
    const SEQUENCE = 1000; // milliseconds between "g" and its second letter
    const palette = document.getElementById('l-palette');
    const input = document.getElementById('l-palette-input');
    const list = document.getElementById('l-palette-rows');
    const note = document.getElementById('l-palette-note');
    let timer = 0;
    let latest = 0; // number of the newest question; answers to older ones are dropped
    let active = -1;

    function open(dialog) {
        document.querySelectorAll('dialog[open]').forEach((other) => other.close());
        dialog.showModal();
        if (dialog === palette) {
            input.value = '';
            ask();
        }
    }

    async function ask() {
        const number = ++latest;
        const query = input.value.trim();
        try {
            const address = `${palette.dataset.url}?q=${encodeURIComponent(query)}`;
            const response = await fetch(address, {headers: {Accept: 'application/json'}});
            if (number === latest) {
                show((await response.json()).rows, query);
            }
        } catch {
            if (number === latest) {
                show([], query);
                note.textContent = 'The search did not answer. Reload the page and try again.';
            }
        }
    }

    function show(rows, query) {
        list.replaceChildren(...rows.map(option));
        note.textContent = rows.length ? '' : `Nothing starts with “${query}”.`;
        select(rows.length ? 0 : -1);
    }

    function option(row, index) {
        const item = document.createElement('li');
        const label = document.createElement('span');
        const kind = document.createElement('span');
        item.id = `l-palette-${index}`;
        item.dataset.url = row.url;
        item.setAttribute('role', 'option');
        label.textContent = row.label;
        kind.textContent = row.kind;
        item.append(label, kind);
        item.addEventListener('click', (event) => follow(item, event));
        item.addEventListener('mousemove', () => select(index));
        return item;
    }

    function follow(item, event) {
        if (event.ctrlKey || event.metaKey) {
            window.open(item.dataset.url, '_blank', 'noopener');
        } else {
            window.location.assign(item.dataset.url);
        }
    }

    function select(index) {
        active = index;
        [...list.children].forEach((item, i) => {
            item.setAttribute('aria-selected', String(i === index));
        });
        const item = list.children[index];
        if (item) {
            input.setAttribute('aria-activedescendant', item.id);
            item.scrollIntoView({block: 'nearest'});
        } else {
            input.removeAttribute('aria-activedescendant');
        }
    }

    function move(event) {
        const count = list.children.length;
        const steps = {ArrowDown: 1, ArrowUp: -1};
        if (event.key in steps && count) {
            event.preventDefault();
            select((active + steps[event.key] + count) % count);
        } else if (event.key === 'Enter' && list.children[active]) {
            event.preventDefault();
            follow(list.children[active], event);
        }
    }

    input.addEventListener('keydown', move);
    input.addEventListener('input', () => {
        clearTimeout(timer);
        timer = setTimeout(ask, DEBOUNCE);
    });
    document.querySelectorAll('[data-opens]').forEach((button) => {
        button.addEventListener('click', () => {
            button.closest('details')?.removeAttribute('open');
            open(document.getElementById(button.dataset.opens));
        });
    });
    document.querySelectorAll('dialog.l-dialog').forEach((dialog) => {
        dialog.addEventListener('click', (event) => {
            if (event.target === dialog) { // the backdrop
                dialog.close();
            }
        });
    });

    function isTyping(event) {
        return event.target.closest?.('input, textarea, select, [contenteditable], dialog');
    }

    let goUntil = 0;
    const shortcuts = {
        '/': () => {
            const search = document.getElementById('searchbar');
            search ? search.focus() : open(palette);
        },
        '?': () => open(document.getElementById('l-keys')),
        g: () => { goUntil = Date.now() + SEQUENCE; },
    };

    function go(key) {
        const link = document.querySelector(`.l-nav a[data-key="${CSS.escape(key)}"]`);
        goUntil = 0;
        link?.click();
        return Boolean(link);
    }

    document.addEventListener('keydown', (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
            event.preventDefault();
            palette.open ? palette.close() : open(palette);
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) {
            return;
        }
        if (Date.now() < goUntil && go(event.key)) {
            event.preventDefault();
        } else if (Object.hasOwn(shortcuts, event.key)) {
            event.preventDefault();
            shortcuts[event.key]();
        }
    });
}
