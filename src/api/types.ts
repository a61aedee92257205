/**
 * The types of what may be sent, heard and asked, worked out from a map of events or from a protocol. Nothing here exists at run time.
 */
import type { Definition, StructInput, StructValue } from '../codecs/struct/types.ts';
import type { Protocol } from './protocol.ts';
import type { InputOf, OutputOf } from './schema.ts';

/** Everything that the methods of a peer need to know. */
export interface Contract {
  /** Names and data of what is sent. */
  readonly sent: object;
  /** Names and data of what is received. */
  readonly received: object;
  /** Names and `RequestTypes`. */
  readonly requests: object;
  /** Names and `RequestTypes` of requests that are answered by a stream. */
  readonly streams: object;
}

export interface RequestTypes {
  /** What the asker gives. */
  readonly asked: unknown;
  /** What the handler gets. */
  readonly input: unknown;
  /** What the handler returns, or each item of its stream. */
  readonly returned: unknown;
  /** What the asker gets. */
  readonly answer: unknown;
}

/** Any name, any data. */
export interface AnyContract extends Contract {
  readonly sent: Readonly<Record<string, unknown>>;
  readonly received: Readonly<Record<string, unknown>>;
  readonly requests: Readonly<Record<string, RequestTypes>>;
  readonly streams: Readonly<Record<string, RequestTypes>>;
}

/** These events in both directions, and any request. */
export interface EventContract<E extends object> extends Contract {
  readonly sent: E;
  readonly received: E;
  readonly requests: Readonly<Record<string, RequestTypes>>;
  readonly streams: Readonly<Record<string, RequestTypes>>;
}

type Events<P extends Protocol> = NonNullable<P['events']>;
type Requests<P extends Protocol> = NonNullable<P['requests']>;
type SchemaOf<E, K extends string> = E extends { readonly [key in K]: infer S } ? S : undefined;

type DefinitionOf<E> = E extends { readonly codec: { readonly definition: infer F extends Definition } }
  ? F
  : undefined;
/** Data of an event: what its struct says, else what its schema says (received with `receive: 'copy'`). */
type SentOf<E> =
  DefinitionOf<E> extends Definition ? StructInput<DefinitionOf<E>> : InputOf<SchemaOf<E, 'schema'>>;
type ReceivedOf<E> =
  DefinitionOf<E> extends Definition ? StructValue<DefinitionOf<E>> : OutputOf<SchemaOf<E, 'schema'>>;

interface TypesOfRequest<R> {
  readonly asked: InputOf<SchemaOf<R, 'input'>>;
  readonly input: OutputOf<SchemaOf<R, 'input'>>;
  readonly returned: InputOf<SchemaOf<R, 'output'>>;
  readonly answer: OutputOf<SchemaOf<R, 'output'>>;
}

interface TypesOfStream<R> {
  readonly asked: InputOf<SchemaOf<R, 'input'>>;
  readonly input: OutputOf<SchemaOf<R, 'input'>>;
  readonly returned: InputOf<SchemaOf<R, 'items'>>;
  readonly answer: OutputOf<SchemaOf<R, 'items'>>;
}

/** What a protocol permits. */
export interface ProtocolContract<P extends Protocol> extends Contract {
  readonly sent: { readonly [K in keyof Events<P>]: SentOf<Events<P>[K]> };
  readonly received: { readonly [K in keyof Events<P>]: ReceivedOf<Events<P>[K]> };
  readonly requests: {
    readonly [
      K in keyof Requests<P> as Requests<P>[K] extends { readonly items: unknown } ? never : K
    ]: TypesOfRequest<Requests<P>[K]>;
  };
  readonly streams: {
    readonly [
      K in keyof Requests<P> as Requests<P>[K] extends { readonly items: unknown } ? K : never
    ]: TypesOfStream<Requests<P>[K]>;
  };
}

export type NameIn<T> = keyof T & string;
export type TypeIn<R, K extends keyof RequestTypes> = R extends { readonly [key in K]: infer T }
  ? T
  : unknown;

/** Data that may be `undefined` may be left out. */
export type DataArguments<D> = undefined extends D ? [data?: D] : [data: D];
export type AskArguments<D, O> = undefined extends D ? [input?: D, options?: O] : [input: D, options?: O];

/** Where the data is not known, a handler may say what it expects. */
export type HandlerOf<D, P extends unknown[] = []> = unknown extends D
  ? { bivariant(data: D, ...rest: P): void }['bivariant']
  : (data: D, ...rest: P) => void;

type Awaitable<T> = T | Promise<T>;
type ReturnOf<T> = unknown extends T ? unknown : Awaitable<T>;

export type RequestHandler<R, X> =
  unknown extends TypeIn<R, 'input'>
    ? { bivariant(input: TypeIn<R, 'input'>, context: X): ReturnOf<TypeIn<R, 'returned'>> }['bivariant']
    : (input: TypeIn<R, 'input'>, context: X) => ReturnOf<TypeIn<R, 'returned'>>;

export type StreamHandler<R, X> =
  unknown extends TypeIn<R, 'input'>
    ? { bivariant(input: TypeIn<R, 'input'>, context: X): AsyncIterable<TypeIn<R, 'returned'>> }['bivariant']
    : (input: TypeIn<R, 'input'>, context: X) => AsyncIterable<TypeIn<R, 'returned'>>;

/** The handler of a name: of a request, of a stream, of whichever it is when the contract does not say. */
export type AnyHandlerOf<C extends Contract, K, X> = string extends keyof C['requests']
  ? RequestHandler<RequestTypes, X>
  : K extends keyof C['streams']
    ? StreamHandler<C['streams'][K], X>
    : K extends keyof C['requests']
      ? RequestHandler<C['requests'][K], X>
      : never;
