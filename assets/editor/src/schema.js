// A JSON Schema of simple fields as a table; any other is written as JSON.
import {element, labelled, over, parsed, select, write} from './forms.js';
import {button} from './rows.js';

const TYPES = ['string', 'number', 'integer', 'boolean', 'list of strings'];
const KNOWN = new Set(['type', 'properties', 'required', 'additionalProperties']);

function typeOf(field) {
    const {description, ...rest} = field;
    const isList = rest.type === 'array' && rest.items?.type === 'string' && Object.keys(rest.items).length === 1;
    if (isList && Object.keys(rest).length === 2) {
        return 'list of strings';
    }
    return Object.keys(rest).length === 1 && TYPES.includes(rest.type) ? rest.type : undefined;
}

// Rows of a schema that the table can show, else undefined.
function rowsOf(schema) {
    if (schema === null) {
        return [];
    }
    const simple = schema?.type === 'object' && Object.keys(schema).every((key) => KNOWN.has(key))
        && [false, undefined].includes(schema.additionalProperties) && typeof schema.properties === 'object';
    if (!simple) {
        return undefined;
    }
    const rows = Object.entries(schema.properties).map(([name, field]) => ({
        name, type: typeOf(field), description: field.description ?? '',
        required: (schema.required ?? []).includes(name),
    }));
    return rows.every((row) => row.type) ? rows : undefined;
}

function fieldOf({type, description}) {
    const shape = type === 'list of strings' ? {type: 'array', items: {type: 'string'}} : {type};
    return description ? {...shape, description} : shape;
}

function schemaOf(rows, isOpen) {
    const named = rows.filter((row) => row.name.trim());
    return {
        type: 'object',
        properties: Object.fromEntries(named.map((row) => [row.name.trim(), fieldOf(row)])),
        required: named.filter((row) => row.required).map((row) => row.name.trim()),
        ...(isOpen ? {} : {additionalProperties: false}),
    };
}

function drawRow(row, changed, remove) {
    const name = element('input', {type: 'text', value: row.name, maxLength: 64});
    const type = select(TYPES.map((one) => [one, one]), row.type);
    const description = element('input', {type: 'text', value: row.description});
    const required = element('input', {type: 'checkbox', checked: row.required});
    const update = () => {
        Object.assign(row, {name: name.value, type: type.value, description: description.value, required: required.checked});
        changed();
    };
    [name, description].forEach((field) => field.addEventListener('input', update));
    [type, required].forEach((field) => field.addEventListener('change', update));
    const check = element('label', {className: 'p-variable__check'}, required, ' Required');
    return element('div', {className: 'p-field'}, labelled('Field', name), labelled('Type', type),
        labelled('Description', description), check, button('Remove', `Remove field ${row.name}`, remove));
}

export function schema(area, title = 'Fields of the answer', more = 'Add field') {
    const draw = (box) => {
        const now = parsed(area, null), rows = rowsOf(now), isOpen = now !== null && now?.additionalProperties !== false;
        if (rows === undefined) {
            return false;
        }
        const list = element('div'), changed = () => write(area, schemaOf(rows, isOpen), !rows.some((row) => row.name.trim()));
        const show = (row) => {
            const drawn = drawRow(row, changed, () => {
                rows.splice(rows.indexOf(row), 1);
                drawn.remove();
                changed();
                add.focus();
            });
            list.append(drawn);
            return drawn;
        };
        const add = button(more, '', () => {
            rows.push({name: '', type: 'string', description: '', required: true});
            show(rows.at(-1)).querySelector('input').focus();
        });
        rows.forEach(show);
        box.append(list, add);
        return true;
    };
    return over(area, title, draw);
}
