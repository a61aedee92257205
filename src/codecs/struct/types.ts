/**
 * What a struct may be made of, and what TypeScript makes of it: the value that is sent, the plain object that is decoded and the view.
 *
 * Invariant: the three types have exactly the names of the definition; nothing here exists at run time.
 */

/** Types of one number. 64-bit integers are bigint on the JavaScript side. */
export type NumberType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64';
export type ScalarType = NumberType | 'u64' | 'i64' | 'bool' | 'char';
export type EnumBase = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32';
export type FlagsBase = 'u8' | 'u16' | 'u32';

/** Names for the values of an integer, from `enumOf`. */
export interface EnumType<N extends string = string> {
  readonly kind: 'enum';
  readonly base: EnumBase;
  readonly members: Readonly<Record<N, number>>;
}

/** Names for the bits of an integer from the lowest on, from `flagsOf`. */
export interface FlagsType<N extends string = string> {
  readonly kind: 'flags';
  readonly base: FlagsBase;
  readonly names: readonly N[];
}

/** A struct as a field of another one; the rest of it belongs to the layout. */
export interface StructType {
  readonly name: string;
  readonly definition: Definition;
}

export type ElementType = ScalarType | EnumType | FlagsType | StructType;
/** So many of them in a row. Of `char` they are one text in UTF-8, filled up with zeros. */
export type ArrayType = readonly [type: ElementType, count: number];
export type FieldType = ElementType | ArrayType;
/** A field that does not stand right behind the one before it. */
export interface PlacedType {
  readonly type: FieldType;
  readonly offset: number;
}
/** The fields of a struct by name, in their order. */
export type Definition = Readonly<Record<string, FieldType | PlacedType>>;

type TypeOf<T> = T extends PlacedType ? T['type'] : T;

/** What a field is in a decoded object. A value that the enum does not name stays a number. */
export type FieldValue<T> = T extends NumberType
  ? number
  : T extends 'u64' | 'i64'
    ? bigint
    : T extends 'bool'
      ? boolean
      : T extends 'char'
        ? string
        : T extends EnumType<infer N>
          ? N | number
          : T extends FlagsType<infer N>
            ? Record<N, boolean>
            : T extends readonly [infer E, number]
              ? E extends 'char'
                ? string
                : FieldValue<E>[]
              : T extends { readonly definition: infer F extends Definition }
                ? StructValue<F>
                : never;

/** What a struct is as a plain object. */
export type StructValue<F extends Definition> = { -readonly [K in keyof F]: FieldValue<TypeOf<F[K]>> };

/** What a field may be in a value that is sent: a safe integer will do for 64 bits, flags that are left out are not set. */
export type FieldInput<T> = T extends 'u64' | 'i64'
  ? bigint | number
  : T extends FlagsType<infer N>
    ? { readonly [K in N]?: boolean }
    : T extends readonly [infer E, number]
      ? E extends 'char'
        ? string
        : ArrayLike<FieldInput<E>>
      : T extends { readonly definition: infer F extends Definition }
        ? StructInput<F>
        : FieldValue<T>;

/** What can be sent as a struct. */
export type StructInput<F extends Definition> = { readonly [K in keyof F]: FieldInput<TypeOf<F[K]>> };

/** An array in place. */
export interface ArrayView<T> extends Iterable<T> {
  readonly length: number;
  /** @throws RangeError when there is no such element */
  get(index: number): T;
  /** The elements as an array of your own. */
  toArray(): T[];
}

/** Numbers in place. */
export interface NumbersView<T, A> extends ArrayView<T> {
  /** A typed array laid over the payload, lent as the view is. It is an object of its own: for a few elements `get` is cheaper. */
  typed(): A;
}

interface TypedArrays {
  u8: Uint8Array;
  i8: Int8Array;
  u16: Uint16Array;
  i16: Int16Array;
  u32: Uint32Array;
  i32: Int32Array;
  u64: BigUint64Array;
  i64: BigInt64Array;
  f32: Float32Array;
  f64: Float64Array;
}

/** What a field is in a view. */
export type FieldView<T> =
  T extends FlagsType<infer N>
    ? { readonly [K in N]: boolean }
    : T extends readonly [infer E, number]
      ? E extends 'char'
        ? string
        : E extends keyof TypedArrays
          ? NumbersView<FieldValue<E>, TypedArrays[E]>
          : ArrayView<FieldView<E>>
      : T extends { readonly definition: infer F extends Definition }
        ? StructView<F>
        : FieldValue<T>;

/** The fields of a payload, read where it lies. */
export type StructView<F extends Definition> = { readonly [K in keyof F]: FieldView<TypeOf<F[K]>> };
