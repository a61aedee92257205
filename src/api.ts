/** What leaves the package, by name. */
import { IPC } from './ipc/ipc.ts';

export type { Address, HostAddress, IpcAddress, PathAddress, UdpAddress, UdpTarget } from './api/address.ts';
export { connect, listen } from './api/api.ts';
export type { PeerClient } from './api/client.ts';
export type { DatagramClient } from './api/datagram/client.ts';
export type { UdpOptions } from './api/datagram/options.ts';
export type { DatagramPeer } from './api/datagram/peer.ts';
export type { DatagramServer } from './api/datagram/server.ts';
export type { UdpPeerStats, UdpServerStats, UdpStats } from './api/datagram/stats.ts';
export type { CloseOptions } from './api/deadline.ts';
export type { DrainOptions } from './api/draining.ts';
export type { ConnectionNotice, MessageNotice, RequestNotice } from './api/diagnostics.ts';
export type { Logger } from './api/log.ts';
export type { AskTrace, HandleTrace, RequestTracer } from './api/requests/tracing.ts';
export type { Group } from './api/group.ts';
export type { RoundTripBucket, RoundTrips } from './api/histogram.ts';
export type {
  ClientLifecycle,
  DatagramClientLifecycle,
  DatagramLifecycle,
  Lifecycle,
  ServerLifecycle,
} from './api/lifecycle.ts';
export type { ConnectOptions, ListenOptions, ReconnectOptions } from './api/options.ts';
export type { Peer } from './api/peer.ts';
export { defineProtocol, type EventSpec, type Protocol, type RequestSpec } from './api/protocol.ts';
export type { MessageReader, Overflow, ReaderOptions } from './api/reader.ts';
export type { AskOptions } from './api/requests/asked.ts';
export type { RequestContext } from './api/requests/handling.ts';
export type { StreamReader } from './api/requests/incoming-stream.ts';
export { RequestError } from './api/requests/remote-error.ts';
export { type StandardSchema, typed } from './api/schema.ts';
export type { PeerServer } from './api/server.ts';
export type { ServerPeer } from './api/server-peer.ts';
export type { EndpointStats, Flow, ServerStats, Stats } from './api/stats.ts';
export type { AnyContract, Contract, EventContract, ProtocolContract } from './api/types.ts';

export { retain, type ReceiveMode } from './codecs/raw.ts';
export type { AnyCodecName, CodecName } from './codecs/codec.ts';
export type { Structs } from './codecs/struct/codec.ts';
export { enumOf, flagsOf } from './codecs/struct/definition.ts';
export { structsFromJson } from './codecs/struct/json.ts';
export { defineStruct, Struct } from './codecs/struct/struct.ts';
export type {
  ArrayView,
  Definition,
  EnumType,
  FlagsType,
  NumbersView,
  StructInput,
  StructValue,
  StructView,
} from './codecs/struct/types.ts';
export type { DatagramFigures } from './connection/datagram-figures.ts';
export type { DatagramMode, EventRule } from './connection/datagram-order.ts';
export type { DatagramTarget } from './endpoints/datagram-peers.ts';
export type { RemoteInfo } from './endpoints/datagram-link.ts';
export type { DatagramSettings } from './endpoints/datagram-options.ts';
export type { DatagramStats, PeerStats } from './endpoints/datagram-stats.ts';
export type { Stats as ConnectionStats } from './connection/counters.ts';
export type { SlowConsumerPolicy } from './limits.ts';
export { RingwireError, type ErrorCode } from './errors.ts';
export type { Frame } from './frames/frame.ts';
export type { Client } from './ipc/client.ts';
export type { Config } from './ipc/config.ts';
export type { PeerSocket, Server } from './ipc/server.ts';
export { IPC };
/** node-ipc's name for the class of its default export. */
export const IPCModule: typeof IPC = IPC;
