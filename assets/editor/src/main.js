// The page of a draft. Without this script it is the same form, in plain fields.
import {fit} from './fit.js';
import {Keep} from './keep.js';
import {Messages} from './messages.js';
import {parameters} from './parameters.js';
import {Preview} from './preview.js';
import {schema} from './schema.js';
import {tools} from './tools.js';
import {Variables} from './variables.js';

const PLAIN = ['model', 'parameters', 'response_schema', 'tools', 'fit', 'note'];

function start(panel) {
    const form = panel.closest('form'), words = JSON.parse(panel.dataset.words);
    const box = (name) => form.querySelector(`input[name="${name}-count"]`).parentElement;
    const field = (name) => form.elements.namedItem(name);
    let preview, keep;
    const changed = () => {
        preview?.soon();
        keep?.save();
    };
    const variables = new Variables(box('variables'), changed);
    const begins = panel.dataset.kind === 'fragment' ? ['system'] : ['system', 'user'];
    const messages = new Messages(box('messages'), {words, changed, begins, names: () => variables.names()});
    const offered = tools(field('tools'));
    const forms = [parameters(field('parameters')), schema(field('response_schema')), offered, fit(field('fit'))];

    preview = new Preview(panel, form, (found) => {
        messages.mark(found.marks);
        offered.mark(found.tools);
        if (variables.follow(found.used, found.complete)) {
            changed();
        }
    });
    keep = new Keep(panel.dataset.key, {
        place: form,
        read: () => ({
            messages: messages.values(),
            variables: variables.values(),
            plain: Object.fromEntries(PLAIN.map((name) => [name, compact(field(name).value)])),
        }),
        restore: (state) => {
            messages.restore(state.messages);
            variables.restore(state.variables);
            PLAIN.forEach((name) => { field(name).value = state.plain[name] ?? field(name).value; });
            forms.forEach((refresh) => refresh());
            changed();
        },
    });
    form.addEventListener('input', changed);
    form.addEventListener('change', changed);
    guard(form, keep);
    form.dataset.live = 'yes';
    preview.ask();
}

// JSON as the server may write it again: white space and order say nothing.
function compact(text) {
    try {
        return JSON.stringify(sorted(JSON.parse(text)));
    } catch {
        return text.replaceAll('\r\n', '\n').trim();
    }
}

function sorted(value) {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    if (value && typeof value === 'object') {
        return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
    }
    return value;
}

// Leaving with unsaved text asks first; Ctrl+S saves.
function guard(form, keep) {
    let isSaving = false;
    form.addEventListener('submit', () => { isSaving = true; });
    window.addEventListener('beforeunload', (event) => {
        if (!isSaving && keep.isTouched) {
            event.preventDefault();
        }
    });
    window.addEventListener('keydown', (event) => {
        if ((event.ctrlKey || event.metaKey) && event.key === 's') {
            event.preventDefault();
            form.requestSubmit(form.querySelector('[name="_save"]'));
        }
    });
}

const panel = document.querySelector('.p-preview[data-url]');
if (panel) {
    start(panel);
}
