/** What leaves the package, by name. */
import { IPC } from './ipc/ipc.ts';

export { retain, type ReceiveMode } from './codecs/raw.ts';
export type { CodecName } from './codecs/codec.ts';
export type { DatagramFigures } from './connection/datagram-figures.ts';
export type { DatagramMode, EventRule } from './connection/datagram-order.ts';
export type { DatagramTarget } from './endpoints/datagram.ts';
export type { RemoteInfo } from './endpoints/datagram-link.ts';
export type { DatagramSettings } from './endpoints/datagram-options.ts';
export type { DatagramStats, PeerStats } from './endpoints/datagram-stats.ts';
export { RingwireError, type ErrorCode } from './errors.ts';
export type { Frame } from './frames/frame.ts';
export type { Client } from './ipc/client.ts';
export type { Config } from './ipc/config.ts';
export type { PeerSocket, Server } from './ipc/server.ts';
export { IPC };
/** node-ipc's name for the class of its default export. */
export const IPCModule: typeof IPC = IPC;
