--[[
Wireshark dissector for the ringwire wire (PROTOCOL.md of ringwire), version 1: streams over TCP, datagrams over UDP, captures of 'ringwire tap --pcap',
and beside them messages of node-ipc's wire. It shows what the bytes say and marks what PROTOCOL.md forbids; it decodes JSON and msgpack with Wireshark's
own dissectors, and no structs.

Install: copy it to the folder 'Personal Lua Plugins' of Help > About Wireshark > Folders, or start with -X lua_script:ringwire.lua.
A connection is recognised by its first bytes; for one whose beginning is missing set the ports in Preferences > Protocols > RINGWIRE.

Invariant: names of events are those that were announced before on the same connection, by whoever numbered them: answers have the asker's ids.
]]

local MAGIC, STREAM_KIND, DATAGRAM_KIND, VERSION = 0xf5, 0x53, 0x44, 1
local HEADER_BYTES, EXTENSION_BYTES, TRACE_BYTES = 8, 8, 32
local EXTENSION_FLAG, TRACE_FLAG = 1, 2
local CONTROL_EVENT, FIRST_ANNOUNCED, LAST_ANNOUNCED, INLINE_NAME = 0, 0x8000, 0x83ff, 0xffff
local PAYLOAD_CEILING, PAYLOAD_FLOOR, TEXT_BYTES_MAX = 0x7fffffff, 1024, 256
local OPENING_BRACE, FORM_FEED = 0x7b, 0x0c

local CODECS = { [0] = "control", "json", "msgpack", "raw", "struct" }
local KINDS = { [0] = "message", "request", "response", "error", "cancel", "item", "end", "credit" }
--- Kinds that carry the event id of the asker.
local ANSWERS = { [2] = true, [3] = true, [5] = true, [6] = true }
local CONTROLS = { "hello", "announce", "ping", "pong", "goodbye", "session", "ack" }
local CONTROL_BYTES = { 8, 4, 8, 8, 4, 16, 8 }
local REASONS = {
  [0] = "normal end", "FRAME_TOO_LARGE", "BAD_MAGIC", "BAD_VERSION", "BAD_FLAGS", "BAD_CODEC", "BAD_CONTROL", "INVALID_EVENT",
  "HANDSHAKE_TIMEOUT", "TOO_MANY_CONNECTIONS", "SLOW_CONSUMER", "SCHEMA_MISMATCH", "FRAME_TIMEOUT", "PEER_DEAD",
  "MEMORY_LIMIT", "FLOOD",
}

local ringwire = Proto("ringwire", "ringwire")

local pf = {
  -- preamble
  magic = ProtoField.uint8("ringwire.magic", "Magic", base.HEX),
  version = ProtoField.uint8("ringwire.version", "Version"),
  preamble_flags = ProtoField.uint8("ringwire.preamble.flags", "Flags", base.HEX),
  payload_limit = ProtoField.uint32("ringwire.payload_limit", "Largest payload accepted"),
  -- frame
  length = ProtoField.uint32("ringwire.length", "Payload length"),
  event_id = ProtoField.uint16("ringwire.event_id", "Event id", base.HEX_DEC),
  event = ProtoField.string("ringwire.event", "Event"),
  codec = ProtoField.uint8("ringwire.codec", "Codec", base.DEC, CODECS),
  flags = ProtoField.uint8("ringwire.flags", "Flags", base.HEX),
  flag_extension = ProtoField.bool("ringwire.flags.extension", "Extension", 8, nil, EXTENSION_FLAG),
  flag_trace = ProtoField.bool("ringwire.flags.trace", "Trace context", 8, nil, TRACE_FLAG),
  correlation = ProtoField.uint32("ringwire.correlation", "Correlation"),
  kind = ProtoField.uint8("ringwire.kind", "Kind", base.DEC, KINDS),
  trace_id = ProtoField.bytes("ringwire.trace.id", "Trace id"),
  span_id = ProtoField.bytes("ringwire.trace.span", "Span id"),
  trace_flags = ProtoField.uint8("ringwire.trace.flags", "Trace flags", base.HEX),
  name_length = ProtoField.uint16("ringwire.name_length", "Name length"),
  payload = ProtoField.bytes("ringwire.payload", "Payload"),
  padding = ProtoField.bytes("ringwire.padding", "Padding"),
  credit = ProtoField.uint32("ringwire.credit", "Items granted"),
  -- control
  control = ProtoField.uint8("ringwire.control", "Control", base.DEC, CONTROLS),
  hello_codec = ProtoField.uint8("ringwire.hello.codec", "Preferred codec", base.DEC, CODECS),
  codec_set = ProtoField.uint16("ringwire.hello.codec_set", "Codec set", base.HEX),
  features = ProtoField.uint16("ringwire.hello.features", "Features", base.HEX),
  feature_session = ProtoField.bool("ringwire.hello.features.session", "Session", 16, nil, 1),
  feature_requests = ProtoField.bool("ringwire.hello.features.requests", "Requests", 16, nil, 2),
  peer_id = ProtoField.string("ringwire.hello.id", "Id"),
  layout_event = ProtoField.string("ringwire.layout.event", "Event"),
  layout_hash = ProtoField.uint64("ringwire.layout.hash", "Layout hash", base.HEX),
  layout_bytes = ProtoField.uint32("ringwire.layout.bytes", "Struct bytes"),
  layout_fields = ProtoField.uint16("ringwire.layout.fields", "Fields"),
  announced_id = ProtoField.uint16("ringwire.announce.id", "Announced id", base.HEX_DEC),
  announced_name = ProtoField.string("ringwire.announce.name", "Announced name"),
  token = ProtoField.uint32("ringwire.token", "Token", base.HEX),
  reason = ProtoField.uint16("ringwire.goodbye.reason", "Reason", base.DEC, REASONS),
  text = ProtoField.string("ringwire.goodbye.text", "Text"),
  received = ProtoField.uint32("ringwire.received", "Frames received"),
  session = ProtoField.uint64("ringwire.session", "Session", base.HEX),
  -- datagram
  sequence = ProtoField.uint32("ringwire.datagram.sequence", "Sequence"),
  datagram_flags = ProtoField.uint8("ringwire.datagram.flags", "Flags", base.HEX),
  datagram_session = ProtoField.uint32("ringwire.datagram.session", "Session", base.HEX),
  sent = ProtoField.uint32("ringwire.datagram.sent", "Sent (us)"),
  crc = ProtoField.uint32("ringwire.datagram.crc", "CRC-32", base.HEX),
  fragment_frame = ProtoField.uint32("ringwire.fragment.frame", "Number of the frame"),
  fragment_bytes = ProtoField.uint32("ringwire.fragment.bytes", "Bytes of the frame"),
  fragment_index = ProtoField.uint16("ringwire.fragment.index", "Index"),
  fragment_count = ProtoField.uint16("ringwire.fragment.count", "Count"),
  fragment_part = ProtoField.bytes("ringwire.fragment.part", "Part"),
  -- node-ipc
  message = ProtoField.string("ringwire.node_ipc", "node-ipc message"),
}
ringwire.fields = pf

local malformed = ProtoExpert.new("ringwire.malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
local cut = ProtoExpert.new("ringwire.cut", "Cut by the capture", expert.group.UNDECODED, expert.severity.NOTE)
ringwire.experts = { malformed, cut }

ringwire.prefs.tcp_ports = Pref.range("TCP ports", "", "Ports of ringwire servers; empty: streams are known by their first bytes", 65535)
ringwire.prefs.udp_ports = Pref.range("UDP ports", "", "Ports of ringwire endpoints; empty: datagrams are known by their first bytes", 65535)

-- ---- what is remembered of a direction of a connection ----

local directions = {}

local function direction_between(source, target)
  local key = source .. " " .. target
  directions[key] = directions[key] or { names = {} }
  return directions[key]
end

--- One direction: names by id, the names of the other one, where its preamble is, where its boundaries were lost.
local function direction_of(pinfo)
  local source = tostring(pinfo.src) .. " " .. pinfo.src_port
  local target = tostring(pinfo.dst) .. " " .. pinfo.dst_port
  local direction = direction_between(source, target)
  direction.asked = direction_between(target, source).names
  return direction
end

function ringwire.init()
  directions = {}
end

--- Where a unit lies, the same each time that a packet is looked at.
local function place_of(tvb, pinfo, at)
  return pinfo.number * 2 ^ 24 + tvb(at, 0):offset()
end

-- ---- faults ----

local function fault(tree, code, text)
  tree:add_proto_expert_info(malformed, code .. ": " .. text)
end

local function zeros(tvb, from, to)
  for at = from, to - 1 do
    if tvb(at, 1):uint() ~= 0 then return false end
  end
  return true
end

local function padded(bytes)
  return bytes + (-bytes) % 8
end

--- What a header may not say, and whether the boundaries of the frames are in doubt then.
local function judge_header(length, event, codec, flags)
  if flags > 3 then return "BAD_FLAGS", "reserved flags" end
  if length > PAYLOAD_CEILING then return "FRAME_TOO_LARGE", length .. " bytes" end
  if codec > 4 or (codec == 0) ~= (event == CONTROL_EVENT) then
    return "BAD_CODEC", "codec " .. codec .. " with event " .. event
  end
  if event == CONTROL_EVENT and flags ~= 0 then return "BAD_FLAGS", "a control frame with flags" end
  if event > LAST_ANNOUNCED and event ~= INLINE_NAME then return "INVALID_EVENT", "a reserved event id" end
end

--- Bytes of the frame whose header is at `at`.
local function frame_bytes(tvb, at)
  local flags = tvb(at + 7, 1):uint()
  local extras = flags % 2 == 1 and EXTENSION_BYTES or 0
  if math.floor(flags / 2) % 2 == 1 then extras = extras + TRACE_BYTES end
  return HEADER_BYTES + extras + padded(tvb(at, 4):le_uint())
end

--- Those, or all that is left behind a header that is judged wrong.
local function unit_bytes(tvb, at)
  local wrong = judge_header(tvb(at, 4):le_uint(), tvb(at + 4, 2):le_uint(), tvb(at + 6, 1):uint(), tvb(at + 7, 1):uint())
  return wrong and tvb:len() - at or frame_bytes(tvb, at)
end

-- ---- control frames ----

local controls = {}

function controls.hello(tvb, tree, direction)
  tree:add_le(pf.hello_codec, tvb(1, 1))
  tree:add_le(pf.codec_set, tvb(2, 2))
  local features = tree:add_le(pf.features, tvb(6, 2))
  features:add_le(pf.feature_session, tvb(6, 2))
  features:add_le(pf.feature_requests, tvb(6, 2))
  local id_bytes = tvb(4, 2):le_uint()
  if id_bytes > TEXT_BYTES_MAX or 8 + id_bytes > tvb:len() then
    fault(tree, "BAD_CONTROL", "the id is longer than its frame")
    return "hello"
  end
  local id = id_bytes > 0 and tvb(8, id_bytes):string(ENC_UTF_8) or ""
  tree:add(pf.peer_id, tvb(8, id_bytes), id)
  local at = padded(8 + id_bytes)
  while at < tvb:len() do
    local name_bytes = at + 16 <= tvb:len() and tvb(at + 14, 2):le_uint() or 0
    if name_bytes == 0 or name_bytes > TEXT_BYTES_MAX or at + 16 + name_bytes > tvb:len() then
      fault(tree, "BAD_CONTROL", "a layout that is longer than the hello")
      break
    end
    local name = tvb(at + 16, name_bytes):string(ENC_UTF_8)
    local layout = tree:add(ringwire, tvb(at, 16 + name_bytes), "Layout of " .. name)
    layout:add_le(pf.layout_hash, tvb(at, 8))
    layout:add_le(pf.layout_bytes, tvb(at + 8, 4))
    layout:add_le(pf.layout_fields, tvb(at + 12, 2))
    layout:add(pf.layout_event, tvb(at + 16, name_bytes), name)
    at = at + 16 + padded(name_bytes)
  end
  return 'hello "' .. id .. '"'
end

function controls.announce(tvb, tree, direction)
  local id = tvb(2, 2):le_uint()
  tree:add_le(pf.announced_id, tvb(2, 2))
  local name_bytes = tvb:len() - 4
  if name_bytes < 1 or name_bytes > TEXT_BYTES_MAX then
    fault(tree, "INVALID_EVENT", "a name of " .. name_bytes .. " bytes")
    return "announce"
  end
  local name = tvb(4):string(ENC_UTF_8)
  tree:add(pf.announced_name, tvb(4), name)
  if id < FIRST_ANNOUNCED or id > LAST_ANNOUNCED then fault(tree, "BAD_CONTROL", "an id out of turn") end
  direction.names[id] = name
  return string.format('announce 0x%04x "%s"', id, name)
end

function controls.ping(tvb, tree)
  tree:add_le(pf.token, tvb(4, 4))
  return "ping"
end

function controls.pong(tvb, tree)
  tree:add_le(pf.token, tvb(4, 4))
  return "pong"
end

function controls.goodbye(tvb, tree)
  tree:add_le(pf.reason, tvb(2, 2))
  local text = tvb:len() > 4 and tvb(4):string(ENC_UTF_8) or ""
  if text ~= "" then tree:add(pf.text, tvb(4), text) end
  local reason = tvb(2, 2):le_uint()
  return "goodbye " .. (REASONS[reason] or reason) .. (text ~= "" and ' "' .. text .. '"' or "")
end

function controls.session(tvb, tree)
  tree:add_le(pf.received, tvb(4, 4))
  tree:add_le(pf.session, tvb(8, 8))
  return "session"
end

function controls.ack(tvb, tree)
  tree:add_le(pf.received, tvb(4, 4))
  return "ack " .. tvb(4, 4):le_uint()
end

--- Bytes of control frames that are zero: from the first to before the second.
local RESERVED = { announce = { 1, 2 }, ping = { 1, 4 }, pong = { 1, 4 }, goodbye = { 1, 2 }, session = { 1, 4 }, ack = { 1, 4 } }

local function dissect_control(tvb, tree, direction)
  local kind = tvb:len() > 0 and tvb(0, 1):uint() or 0
  if tvb:len() > 0 then tree:add(pf.control, tvb(0, 1)) end
  local name = CONTROLS[kind]
  if name == nil then
    fault(tree, "BAD_CONTROL", "unknown kind " .. kind)
    return "control " .. kind
  end
  if tvb:len() < CONTROL_BYTES[kind] then
    fault(tree, "BAD_CONTROL", name .. " is too short")
    return name
  end
  local reserved = RESERVED[name]
  if reserved and not zeros(tvb, reserved[1], reserved[2]) then
    fault(tree, "BAD_CONTROL", "reserved bytes that are not zero")
  end
  return controls[name](tvb, tree, direction)
end

-- ---- frames ----

local json, msgpack

--- Dissectors of payloads, where this Wireshark has them.
local function payload_dissectors()
  if json == nil then
    local known = {}
    for _, name in ipairs(Dissector.list()) do known[name] = true end
    json = known.json and Dissector.get("json") or false
    msgpack = known.msgpack and Dissector.get("msgpack") or false
  end
  return { json = json, msgpack = msgpack }
end

local function dissect_payload(tvb, pinfo, tree, codec)
  tree:add(pf.payload, tvb(0))
  local inner = payload_dissectors()[CODECS[codec]]
  if not inner then return end
  -- The columns are ours.
  local protocol, info = tostring(pinfo.cols.protocol), tostring(pinfo.cols.info)
  pcall(function() inner:call(tvb(0):tvb(), pinfo, tree) end)
  pinfo.cols.protocol = protocol
  pinfo.cols.info = info
end

--- @return the name of the event, and where the payload of the program begins
local function event_name(tvb, at, last, event, kind, tree, direction)
  if event ~= INLINE_NAME then
    local name = (ANSWERS[kind] and direction.asked or direction.names)[event]
    if name then tree:add(pf.event, tvb(0, 0), name):set_generated() end
    return name or string.format("event %d", event), at
  end
  local name_bytes = at + 2 <= last and tvb(at, 2):le_uint() or 0
  if name_bytes < 1 or name_bytes > TEXT_BYTES_MAX or at + 2 + name_bytes > last then
    fault(tree, "INVALID_EVENT", "an inline name that is empty or longer than its frame")
    return "?", at
  end
  tree:add_le(pf.name_length, tvb(at, 2))
  local name = tvb(at + 2, name_bytes):string(ENC_UTF_8)
  tree:add(pf.event, tvb(at + 2, name_bytes), name)
  return name, at + padded(2 + name_bytes)
end

--- One whole frame. @return what it is in a few words, and whether the boundaries are in doubt behind it
local function dissect_frame(tvb, pinfo, tree, direction)
  local length, event = tvb(0, 4):le_uint(), tvb(4, 2):le_uint()
  local codec, flags = tvb(6, 1):uint(), tvb(7, 1):uint()
  local frame = tree:add(ringwire, tvb(0), "ringwire frame")
  frame:add_le(pf.length, tvb(0, 4))
  frame:add_le(pf.event_id, tvb(4, 2))
  frame:add(pf.codec, tvb(6, 1))
  local flag_tree = frame:add(pf.flags, tvb(7, 1))
  flag_tree:add(pf.flag_extension, tvb(7, 1))
  flag_tree:add(pf.flag_trace, tvb(7, 1))
  local code, why = judge_header(length, event, codec, flags)
  if code then
    fault(frame, code, why)
    frame:append_text(", malformed: " .. code)
    return "malformed: " .. code, true
  end
  if tvb:len() < tvb:reported_len() then frame:add_proto_expert_info(cut) end
  local at, kind, correlation = HEADER_BYTES, 0, 0
  if flags % 2 == 1 and at + EXTENSION_BYTES <= tvb:len() then
    correlation, kind = tvb(at, 4):le_uint(), tvb(at + 4, 1):uint()
    frame:add_le(pf.correlation, tvb(at, 4))
    frame:add(pf.kind, tvb(at + 4, 1))
    if kind > 7 or not zeros(tvb, at + 5, at + 8) then
      fault(frame, "BAD_FLAGS", "an extension of unknown kind or with reserved bytes set")
    end
    at = at + EXTENSION_BYTES
  end
  if flags >= TRACE_FLAG and at + TRACE_BYTES <= tvb:len() then
    frame:add(pf.trace_id, tvb(at, 16))
    frame:add(pf.span_id, tvb(at + 16, 8))
    frame:add(pf.trace_flags, tvb(at + 24, 1))
    if not zeros(tvb, at + 25, at + TRACE_BYTES) then
      fault(frame, "BAD_FLAGS", "a trace context with reserved bytes set")
    end
    at = at + TRACE_BYTES
  end
  local last = math.min(at + length, tvb:len())
  local summary
  if event == CONTROL_EVENT then
    summary = dissect_control(tvb(at, last - at):tvb(), frame, direction)
  else
    local name
    name, at = event_name(tvb, at, last, event, kind, frame, direction)
    summary = name .. (kind > 0 and " " .. (KINDS[kind] or kind) .. " " .. correlation or "")
    if kind == 7 and last - at == 8 then
      frame:add_le(pf.credit, tvb(at, 4))
    elseif last > at then
      dissect_payload(tvb(at, last - at):tvb(), pinfo, frame, codec)
    end
  end
  if last < tvb:len() then frame:add(pf.padding, tvb(last)) end
  frame:append_text(", " .. summary .. ", " .. (CODECS[codec] or codec) .. ", " .. length .. " bytes")
  return summary, false
end

-- ---- streams ----

local function dissect_preamble(tvb, tree)
  local preamble = tree:add(ringwire, tvb(0), "ringwire preamble")
  preamble:add(pf.magic, tvb(0, 1))
  preamble:add(pf.version, tvb(2, 1))
  preamble:add(pf.preamble_flags, tvb(3, 1))
  preamble:add_le(pf.payload_limit, tvb(4, 4))
  local version, limit = tvb(2, 1):uint(), tvb(4, 4):le_uint()
  if version ~= VERSION then
    fault(preamble, "BAD_VERSION", "version " .. version)
    return "preamble of version " .. version, true
  end
  if tvb(3, 1):uint() ~= 0 then
    fault(preamble, "BAD_FLAGS", "flags of the preamble")
  elseif limit < PAYLOAD_FLOOR or limit > PAYLOAD_CEILING then
    fault(preamble, "BAD_CONTROL", "a payload limit of " .. limit .. " bytes")
  end
  return "preamble", false
end

local function dissect_text(tvb, pinfo, tree)
  local bytes = tvb:len()
  if tvb(bytes - 1, 1):uint() == FORM_FEED then bytes = bytes - 1 end
  local message = tree:add(ringwire, tvb(0), "node-ipc message")
  message:add(pf.message, tvb(0, bytes), tvb(0, bytes):string(ENC_UTF_8))
  dissect_payload(tvb(0, bytes):tvb(), pinfo, message, 1)
  return "node-ipc"
end

--- @return the bytes of the unit at `at`, nil when more have to come to know; and what it is
local function measure(tvb, at, direction, place)
  local left = tvb:len() - at
  local first = tvb(at, 1):uint()
  local is_start = direction.preamble == nil or direction.preamble == place
  if is_start and first == OPENING_BRACE then
    for each = at, tvb:len() - 1 do
      if tvb(each, 1):uint() == FORM_FEED then return each - at + 1, "text" end
    end
    return nil, "text"
  end
  if left < HEADER_BYTES then return nil, "head" end
  if is_start and first == MAGIC and tvb(at + 1, 1):uint() == STREAM_KIND then return HEADER_BYTES, "preamble" end
  return unit_bytes(tvb, at), "frame"
end

local function dissect_unit(tvb, pinfo, tree, direction, what, place)
  if what == "text" then return dissect_text(tvb, pinfo, tree), false end
  if what == "frame" then return dissect_frame(tvb, pinfo, tree, direction) end
  direction.preamble = place
  return dissect_preamble(tvb, tree)
end

--- Bytes of a direction, from the start of a unit on. What is not complete is asked for again with what follows it.
local function dissect_stream(tvb, pinfo, tree)
  local direction, at, found = direction_of(pinfo), 0, {}
  local reassembles = pinfo.can_desegment > 0
  while at < tvb:len() do
    local place = place_of(tvb, pinfo, at)
    if direction.lost and place >= direction.lost then
      tree:add(ringwire, tvb(at), "bytes behind a fault"):add(pf.payload, tvb(at))
      found[#found + 1] = "bytes behind a fault"
      break
    end
    local bytes, what = measure(tvb, at, direction, place)
    if reassembles and (bytes == nil or bytes > tvb:len() - at) then
      pinfo.desegment_offset = at
      pinfo.desegment_len = bytes and bytes - (tvb:len() - at) or DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    local is_whole = bytes ~= nil and bytes <= tvb:reported_len() - at
    local unit = tvb(at, math.min(bytes or tvb:len(), tvb:len() - at)):tvb()
    if bytes == nil and what == "head" then
      fault(tree:add(ringwire, tvb(at), "ringwire"), "TRUNCATED", "the end is inside a header")
      found[#found + 1] = "malformed: TRUNCATED"
      break
    end
    local summary, lost = dissect_unit(unit, pinfo, tree, direction, what, place)
    if not is_whole then fault(tree, "TRUNCATED", "the end is inside a frame") end
    at = at + unit:len()
    if lost and not direction.lost then direction.lost = place + 1 end
    found[#found + 1] = summary
  end
  return found
end

-- ---- datagrams ----

local function dissect_fragment(tvb, tree, at)
  tree:add_le(pf.fragment_frame, tvb(at, 4))
  tree:add_le(pf.fragment_bytes, tvb(at + 4, 4))
  tree:add_le(pf.fragment_index, tvb(at + 8, 2))
  tree:add_le(pf.fragment_count, tvb(at + 10, 2))
  local index, count = tvb(at + 8, 2):le_uint(), tvb(at + 10, 2):le_uint()
  if tvb(at + 12, 4):le_uint() ~= 0 then fault(tree, "BAD_FLAGS", "a reserved word that is not zero") end
  if count < 2 or index >= count then fault(tree, "BAD_CONTROL", "part " .. index .. " of " .. count) end
  if at + 16 < tvb:len() then tree:add(pf.fragment_part, tvb(at + 16)) end
  return string.format("part %d of %d", index + 1, count)
end

local function dissect_datagram(tvb, pinfo, tree)
  local datagram = tree:add(ringwire, tvb(0), "ringwire datagram")
  local flags = tvb(3, 1):uint()
  datagram:add(pf.magic, tvb(0, 1))
  datagram:add(pf.version, tvb(2, 1))
  datagram:add(pf.datagram_flags, tvb(3, 1))
  datagram:add_le(pf.sequence, tvb(4, 4))
  if tvb(2, 1):uint() ~= VERSION then
    fault(datagram, "BAD_VERSION", "version " .. tvb(2, 1):uint())
    return { "malformed: BAD_VERSION" }
  end
  if flags > 7 then
    fault(datagram, "BAD_FLAGS", "reserved flags")
    return { "malformed: BAD_FLAGS" }
  end
  local timing, checksum, fragment = flags % 2 == 1, math.floor(flags / 2) % 2 == 1, flags >= 4
  local head = 8 + (timing and 8 or 0) + (checksum and 8 or 0) + (fragment and 16 or 0)
  if tvb:len() < head then
    fault(datagram, "TRUNCATED", "the end is inside the header")
    return { "malformed: TRUNCATED" }
  end
  local at = 8
  if timing then
    datagram:add_le(pf.datagram_session, tvb(at, 4))
    datagram:add_le(pf.sent, tvb(at + 4, 4))
    at = at + 8
  end
  if checksum then
    datagram:add_le(pf.crc, tvb(at, 4))
    if tvb(at + 4, 4):le_uint() ~= 0 then fault(datagram, "BAD_FLAGS", "a reserved word that is not zero") end
    at = at + 8
  end
  if fragment then return { dissect_fragment(tvb, datagram, at) } end
  local direction, found = { names = {}, asked = {} }, {}
  while at < tvb:len() do
    local bytes = at + HEADER_BYTES <= tvb:len() and unit_bytes(tvb, at) or math.huge
    if bytes > tvb:reported_len() - at then
      fault(datagram, "TRUNCATED", "the end is inside a frame")
      found[#found + 1] = "malformed: TRUNCATED"
      break
    end
    local unit = tvb(at, math.min(bytes, tvb:len() - at)):tvb()
    local summary, lost = dissect_frame(unit, pinfo, datagram, direction)
    found[#found + 1] = summary
    if lost then break end
    at = at + unit:len()
  end
  return found
end

-- ---- where Wireshark calls ----

local function begins_with(tvb, kind)
  return tvb:len() >= 4 and tvb(0, 1):uint() == MAGIC and tvb(1, 1):uint() == kind
end

local function dissect(tvb, pinfo, tree)
  if tvb:len() == 0 then return 0 end
  pinfo.cols.protocol = "ringwire"
  local is_datagram = pinfo.can_desegment == 0 and tvb:len() >= 8 and begins_with(tvb, DATAGRAM_KIND)
  local found = is_datagram and dissect_datagram(tvb, pinfo, tree) or dissect_stream(tvb, pinfo, tree)
  if #found > 0 then
    local more = #found > 4 and string.format(" and %d more", #found - 4) or ""
    pinfo.cols.info = table.concat(found, ", ", 1, math.min(4, #found)) .. more
  end
  return tvb:len()
end

ringwire.dissector = dissect

ringwire:register_heuristic("tcp", function(tvb, pinfo, tree)
  if not begins_with(tvb, STREAM_KIND) or tvb(3, 1):uint() ~= 0 then return false end
  pinfo.conversation = ringwire
  dissect(tvb, pinfo, tree)
  return true
end)

ringwire:register_heuristic("udp", function(tvb, pinfo, tree)
  if tvb:len() < 8 or not begins_with(tvb, DATAGRAM_KIND) or tvb(3, 1):uint() > 7 then return false end
  pinfo.conversation = ringwire
  dissect(tvb, pinfo, tree)
  return true
end)

local ports = { tcp = "", udp = "" }

function ringwire.prefs_changed()
  for transport, pref in pairs({ tcp = ringwire.prefs.tcp_ports, udp = ringwire.prefs.udp_ports }) do
    local dissectors = DissectorTable.get(transport .. ".port")
    if ports[transport] ~= "" then dissectors:remove(ports[transport], ringwire) end
    ports[transport] = pref
    if pref ~= "" then dissectors:add(pref, ringwire) end
  end
end
