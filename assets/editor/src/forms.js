// Small forms over fields of JSON. The JSON is what is sent; a form writes into it, and steps aside
// while the JSON is more than it can show.

export function parsed(area, empty) {
    try {
        return area.value.trim() ? JSON.parse(area.value) : empty;
    } catch {
        return undefined;
    }
}

export function write(area, value, isEmpty) {
    area.value = isEmpty ? '' : JSON.stringify(value, null, 2);
    area.dispatchEvent(new Event('input', {bubbles: true}));
}

export function element(name, properties = {}, ...children) {
    const {dataset, ...rest} = properties;
    const made = Object.assign(document.createElement(name), rest);
    Object.assign(made.dataset, dataset);
    made.append(...children);
    return made;
}

export function labelled(text, field) {
    return element('label', {}, text, field);
}

export function select(options, chosen) {
    const made = element('select');
    for (const [value, text] of options) {
        made.append(element('option', {value, textContent: text, selected: value === chosen}));
    }
    return made;
}

// Shows `form` above the JSON; `draw(box)` draws it and says whether it can show what is there.
export function over(area, title, draw) {
    const box = element('div', {className: 'p-form', role: 'group'});
    const raw = element('details', {className: 'p-raw'}, element('summary', {textContent: 'As JSON'}));
    box.setAttribute('aria-label', title);
    area.before(box, raw);
    raw.append(area);
    const refresh = () => {
        if (box.contains(document.activeElement)) {
            return;
        }
        box.replaceChildren();
        const fits = draw(box);
        box.hidden = !fits;
        raw.open = raw.open || !fits;
    };
    area.addEventListener('change', refresh);
    refresh();
    return refresh;
}
