/* The part of JSON Schema that our own schemas use; an unknown keyword is an error, so that none is
 * passed over in silence.
 *
 *   schemaErrors(schema, value)    [] or ["/contract/confidential/rotation: not one of …"]
 */
const ignored = new Set(['$schema', '$defs', '$id', 'title', 'description', 'default', 'examples']);

const kind = (v) => (v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v);
const isType = (type, v) => (type === 'integer' ? Number.isInteger(v) : kind(v) === type);

const rules = {
	type: (want, v) => [want].flat().some((t) => isType(t, v)) || `is no ${want}`,
	enum: (want, v) => want.includes(v) || `not one of ${want.join(', ')}`,
	const: (want, v) => v === want || `not ${want}`,
	pattern: (want, v) => typeof v !== 'string' || new RegExp(want, 'u').test(v) || `does not match ${want}`,
	minLength: (want, v) => typeof v !== 'string' || v.length >= want || 'too short',
	maxLength: (want, v) => typeof v !== 'string' || v.length <= want || 'too long',
	minimum: (want, v) => typeof v !== 'number' || v >= want || 'too small',
	maximum: (want, v) => typeof v !== 'number' || v <= want || 'too large',
	maxProperties: (want, v) => kind(v) !== 'object' || Object.keys(v).length <= want || 'too many members',
	required: (want, v) => kind(v) !== 'object' || want.every((m) => m in v) || `lacks ${want.filter((m) => !(m in v))}`,
};

export function schemaErrors(schema, value, root = schema, at = '') {
	const errors = [];
	for (const [word, want] of Object.entries(schema)) {
		if (ignored.has(word)) continue;
		if (word === '$ref') {
			const target = want.slice(2).split('/').reduce((o, step) => o[step], root);
			errors.push(...schemaErrors(target, value, root, at));
		} else if (word === 'properties') {
			for (const [name, sub] of Object.entries(want))
				if (kind(value) === 'object' && name in value) errors.push(...schemaErrors(sub, value[name], root, `${at}/${name}`));
		} else if (word === 'additionalProperties') {
			const known = Object.keys(schema.properties ?? {});
			for (const name of kind(value) === 'object' ? Object.keys(value) : []) {
				if (known.includes(name)) continue;
				if (want === false) errors.push(`${at}/${name}: not known`);
				else errors.push(...schemaErrors(want, value[name], root, `${at}/${name}`));
			}
		} else if (word === 'items') {
			if (Array.isArray(value)) value.forEach((v, i) => errors.push(...schemaErrors(want, v, root, `${at}/${i}`)));
		} else if (rules[word]) {
			const said = rules[word](want, value);
			if (said !== true) errors.push(`${at}: ${said}`);
		} else throw new Error(`the schema uses ${word}, which this reader does not know`);
	}
	return errors;
}
