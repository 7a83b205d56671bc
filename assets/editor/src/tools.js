// The functions that the model may call, one form for each; what a form cannot show is written as JSON.
import {element, labelled, over, parsed, write} from './forms.js';
import {button} from './rows.js';
import {schema} from './schema.js';

const KNOWN = ['name', 'description', 'parameters', 'strict'];

// Functions that the form can show, else undefined.
function functionsOf(tools) {
    const fits = Array.isArray(tools) && tools.every((tool) => tool?.type === 'function'
        && Object.keys(tool).length === 2 && tool.function && typeof tool.function === 'object'
        && Object.keys(tool.function).every((key) => KNOWN.includes(key)));
    return fits ? tools.map((tool) => ({...tool.function})) : undefined;
}

function set(row, key, value) {
    if (value === '' || value === false || value === undefined) {
        delete row[key];
    } else {
        row[key] = value;
    }
}

// Text that is no JSON yet is kept as it is: the server's check says what is wrong with it.
function textOf(schema) {
    return schema === undefined || typeof schema === 'string' ? schema ?? '' : JSON.stringify(schema, null, 2);
}

function drawRow(row, number, changed, remove) {
    const name = element('input', {type: 'text', value: row.name ?? '', maxLength: 64});
    const description = element('textarea', {value: row.description ?? '', rows: 2, maxLength: 1024});
    const strict = element('input', {type: 'checkbox', checked: row.strict === true});
    const args = element('textarea', {value: textOf(row.parameters), rows: 6, className: 'l-mono'});
    const update = () => {
        row.name = name.value.trim();
        set(row, 'description', description.value);
        changed();
    };
    [name, description].forEach((field) => field.addEventListener('input', update));
    strict.addEventListener('change', () => {
        set(row, 'strict', strict.checked);
        changed();
    });
    args.setAttribute('aria-label', 'JSON Schema of the arguments');
    args.addEventListener('input', () => {
        set(row, 'parameters', parsed(args, undefined) ?? args.value);
        changed();
    });
    const check = element('label', {className: 'p-variable__check'}, strict, ' Strict: arguments always fit their schema');
    const group = element('fieldset', {className: 'p-tool'}, element('legend', {textContent: `Tool ${number}`}),
        labelled('Name', name), labelled('What it does, for the model', description), element('div', {}, args), check,
        element('ul', {className: 'p-findings'}), button('Remove tool', `Remove tool ${row.name || number}`, remove));
    schema(args, 'Arguments', 'Add argument');
    return group;
}

// What the server found, at the tool that it is about.
function mark(group, findings) {
    group.querySelector('.p-findings').replaceChildren(...findings.map(({severity, detail}) => {
        const pill = element('span', {className: `l-pill l-pill--${severity === 'fault' ? 'bad' : 'warn'}`, textContent: severity});
        return element('li', {}, pill, ` ${detail}`);
    }));
}

export function tools(area) {
    let groups = new Map();
    let rows;
    const draw = (box) => {
        rows = functionsOf(parsed(area, []));
        groups = new Map();
        if (rows === undefined) {
            return false;
        }
        const list = element('div');
        const changed = () => write(area, rows.map((row) => ({type: 'function', function: row})), !rows.length);
        const show = (row) => {
            const drawn = drawRow(row, rows.indexOf(row) + 1, changed, () => {
                rows.splice(rows.indexOf(row), 1);
                drawn.remove();
                changed();
                add.focus();
            });
            groups.set(row, drawn);
            list.append(drawn);
            return drawn;
        };
        const add = button('Add tool', '', () => {
            rows.push({name: ''});
            show(rows.at(-1)).querySelector('input').focus();
        });
        rows.forEach(show);
        box.append(list, add);
        return true;
    };
    const refresh = over(area, 'Tools', draw);
    refresh.mark = (findings) => rows?.forEach((row, at) => mark(groups.get(row), findings.filter((one) => one.tool === at)));
    return refresh;
}
