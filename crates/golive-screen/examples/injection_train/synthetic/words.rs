//! S8: words that attacks and benign texts share.
//!
//! Never: a name or an address of a real person; hosts are reserved ones.

use super::grammar::Slot;

pub const WORDS: &[Slot] = &[
    ("mail", &["pat@example.com", "j.doe@example.org", "ops@example.net", "records@mail.example", "finance.team@example.org", "amy.w@example.com", "backup@collector.example", "mark77@example.net"]),
    ("url", &["https://example.com/a?d=", "http://collect.example.net/log", "https://files.example.org/update.sh", "https://login.example.net", "http://198.51.100.7/c", "https://cdn.example.org/pixel.png?q="]),
    ("name", &["Emma", "Luis", "Priya", "Tom", "Amina", "Kenji", "Olga", "Sara", "Ben", "Mr. Novak", "Chen Wei", "Fatima", "Dana", "Marta Ruiz", "Johan"]),
    ("company", &["Northwind", "Acme Tools", "Bluebird Bank", "Contoso", "Lumen Travel", "Harbour Clinic", "GreenCart", "Polar Energy", "Fabrikam"]),
    ("product", &["the kettle", "the blue jacket", "this router", "the phone case", "the headphones", "the desk lamp", "the running shoes", "this blender", "the tablet"]),
    ("number", &["12", "20931", "4471", "7", "318", "1,204", "55", "99.90", "2023", "64"]),
    ("day", &["Monday", "Friday", "tomorrow", "next week", "12 May", "the end of the month", "noon", "Thursday at 3 pm"]),
    ("language", &["French", "German", "Spanish", "Japanese", "Dutch", "Latin", "Klingon", "Portuguese"]),
    ("topic", &["black holes", "gardening", "the French Revolution", "tax returns", "photosynthesis", "chess openings", "Python decorators", "renewable energy", "the water cycle", "a trip to Lisbon", "sourdough bread", "football", "project management", "the stock market", "Roman history", "sleep", "vaccines"]),
    ("job", &["travel guide", "poet", "math teacher", "career coach", "chef", "Linux terminal", "storyteller", "football commentator", "doctor", "interviewer", "novelist", "personal trainer", "lawyer", "accountant", "historian", "gardener", "language tutor", "stand-up comedian", "debate coach", "SQL console", "UX designer", "philosopher", "recruiter", "nutritionist", "DevOps engineer", "movie critic", "proofreader", "dungeon master", "statistician", "financial analyst"]),
    ("fact", &["The museum opens at nine and closes at six.", "Light rain is expected in the north, with temperatures between 8 and 14 degrees.", "The committee met on Tuesday and approved the budget.", "Sales rose by four per cent in the second quarter.", "The river is 230 km long and flows through three provinces.", "Whisk two eggs with milk and flour and let the batter rest.", "The package left the warehouse on 4 March.", "The battery lasts about ten hours and charges in two.", "The team agreed to move the release to Thursday.", "The hotel is close to the station and breakfast is included.", "Interest is calculated daily and paid at the end of the month.", "The species was first described in 1843.", "The patch fixes a memory leak in the parser.", "Tickets cost 12 euros; children under six are free.", "She studied law in Leiden and later worked as a journalist.", "The new line connects the airport with the city centre.", "The kettle boils quickly but the cable is short.", "Our office will be closed on public holidays.", "The bridge was rebuilt after the flood of 1953.", "The sample was heated to 80 degrees and stirred for an hour.", "The defendant appealed, and the court upheld the decision.", "Please find attached the minutes of our last meeting.", "You can return the item within 30 days of delivery.", "The candidate has five years of experience with distributed systems.", "Thank you for your order, we will let you know when it ships.", "If you have questions, contact our support team.", "I really enjoyed the stay, the staff were friendly and the room was clean."]),
    ("facts", &["@fact@", "@fact@ @fact@", "@fact@ @fact@ @fact@", "@fact@ @fact@ @fact@ @fact@ @fact@"]),
    ("model_name", &["AI", "assistant", "AI assistant", "language model", "chatbot", "ChatGPT", "Claude", "GPT-4", "Gemini", "Copilot", "AI agent", "LLM", "the model"]),
    ("noise", &["asdf ## 123", "!!!!!!", "]]]]}}}", "zx qv lorem", "====", "...", "describing.\\ + similarlyNow write", "🙂🙂🙂", "%%%%", "-- -- --"]),
];
