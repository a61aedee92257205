/**
 * Standard Schema (standardschema.dev, version 1): the one interface through which zod, valibot, arktype and others describe and check
 * values. Here it carries types; it checks values only where the program asked for it.
 *
 * Invariant: an error names where a value is wrong, never the value: messages end in logs.
 */
import { type ErrorCode, MessageError } from '../errors.ts';

/** A schema of any library that follows the Standard Schema interface, version 1. It has to answer at once. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Judges a value. A promise is refused. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema takes: the type of the value before it is checked. */
export type InputOf<S> = S extends { readonly '~standard': { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly input: infer I }
    ? I
    : unknown
  : unknown;

/** What a schema yields. */
export type OutputOf<S> = S extends { readonly '~standard': { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer O }
    ? O
    : unknown
  : unknown;

/** A schema that is a type and nothing more: it lets every value through. */
export function typed<T>(): StandardSchema<T> {
  return {
    '~standard': { version: 1, vendor: 'ringwire', validate: (value) => ({ value: value as T }) },
  };
}

const INVALID: ErrorCode = 'ERR_RINGWIRE_INVALID_DATA';

/**
 * @param what the value is, for the error
 * @returns the value as the schema yields it
 * @throws MessageError ERR_RINGWIRE_INVALID_DATA
 */
export function checked(schema: StandardSchema | undefined, value: unknown, what: string): unknown {
  if (schema === undefined) return value;
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new MessageError(INVALID, `the schema of ${what} answers later, which messages do not wait for`);
  }
  if (result.issues === undefined) return result.value;
  const [first] = result.issues;
  const place = (first?.path ?? [])
    .map((each) => String(typeof each === 'object' ? each.key : each))
    .join('.');
  const more = result.issues.length > 1 ? `, ${result.issues.length} faults in all` : '';
  throw new MessageError(INVALID, `${what} is not what its schema says${place && `, at ${place}`}${more}`, {
    cause: result.issues,
  });
}
