/**
 * The result format as a JSON schema, for editors and for programs that write results themselves. It accepts what `readResults` accepts: further
 * properties are allowed, so that a later writer may add some.
 *
 * Invariant: a test holds the two against each other.
 */
import { RESULTS_FORMAT, RESULTS_VERSION } from './results.ts';

/** The keywords that are used here. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'boolean';
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly minimum?: number;
}

const MACHINE: JsonSchema = {
  description: 'Results of different machines are not compared.',
  type: 'object',
  required: ['cpu', 'cores', 'kernel', 'node'],
  properties: {
    cpu: { type: 'string' },
    cores: { type: 'number' },
    kernel: { description: 'The system and its release.', type: 'string' },
    node: { description: 'The version of Node, with a v in front.', type: 'string' },
  },
};

const ROW: JsonSchema = {
  type: 'object',
  required: ['id', 'unit', 'better', 'samples'],
  properties: {
    id: {
      description: 'What was measured: transport/contestant/payload/shape, then #metric or nothing.',
      type: 'string',
    },
    unit: { description: 'For instance messages/s or us.', type: 'string' },
    better: { description: 'Which direction is better.', enum: ['higher', 'lower'] },
    detail: {
      description: 'What the figure cost, or a finer look at it: not judged unless asked for.',
      type: 'boolean',
    },
    samples: {
      description: 'One value per round, in the order of the rounds.',
      type: 'array',
      minItems: 1,
      items: { type: 'number', minimum: 0 },
    },
  },
};

export const RESULTS_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Results of ringwire bench',
  type: 'object',
  required: ['format', 'version', 'date', 'machine', 'rows'],
  properties: {
    format: { const: RESULTS_FORMAT },
    version: { const: RESULTS_VERSION },
    date: { description: 'When it was measured, ISO 8601.', type: 'string' },
    machine: MACHINE,
    rows: { type: 'array', items: ROW },
  },
};
